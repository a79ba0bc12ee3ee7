"""PyTorch Lightning. Change what is marked. ``study try NAME.py`` trains one trial in this process;
``study run NAME.py`` trains them all and writes the report.
"""

import lightning
import torch
from lightning.pytorch.callbacks import LambdaCallback

from tuning import Study

x = torch.linspace(-3, 3, 256).unsqueeze(1)
data = torch.utils.data.TensorDataset(x, torch.sin(x))  # <- your data


class Sine(lightning.LightningModule):  # <- your module
    def __init__(self, width, lr):
        super().__init__()
        self.lr, linear = lr, torch.nn.Linear
        self.net = torch.nn.Sequential(linear(1, width), torch.nn.Tanh(), linear(width, 1))

    def training_step(self, batch):
        loss = torch.nn.functional.mse_loss(self.net(batch[0]), batch[1])
        self.log("loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def train(config, seed, report):
    lightning.seed_everything(seed, verbose=False)

    def hand_over(trainer, module):  # every epoch; it does not return where the trial is to end
        loss = trainer.callback_metrics["loss"]
        report(epoch=trainer.current_epoch + 1, loss=loss)

    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar"), False)
    quiet |= {"enable_model_summary": False, "accelerator": "cpu", "max_epochs": config["epochs"]}
    trainer = lightning.Trainer(callbacks=[LambdaCallback(on_train_epoch_end=hand_over)], **quiet)
    trainer.fit(Sine(config["width"], config["lr"]), torch.utils.data.DataLoader(data, 64, True))


study = Study(
    name="NAME",
    question="How wide must a network be to learn a sine?",  # <- your question
    trainable=train,
    space={"width": [4, 16], "lr": [0.003, 0.03]},  # <- all combinations are trained
    metric="loss",
    mode="min",
    epochs=10,
    seeds=3,
)
