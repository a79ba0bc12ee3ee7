"""PyTorch Lightning with its own early stopping: ``study run examples/lightning_push.py``."""

import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, LambdaCallback

from tuning import Study


class Sine(lightning.LightningModule):
    def __init__(self, width, lr):
        super().__init__()
        self.save_hyperparameters()
        linear = torch.nn.Linear
        self.net = torch.nn.Sequential(linear(1, width), torch.nn.Tanh(), linear(width, 1))

    def training_step(self, batch):
        loss = torch.nn.functional.mse_loss(self.net(batch[0]), batch[1])
        self.log("loss", loss, on_epoch=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


def train(config, seed, report):
    lightning.seed_everything(seed, verbose=False)
    x = torch.linspace(-3, 3, 256).unsqueeze(1)
    data = torch.utils.data.TensorDataset(x, torch.sin(x))
    hand_over = LambdaCallback(
        on_train_epoch_end=lambda trainer, module: report(
            epoch=trainer.current_epoch + 1, loss=trainer.callback_metrics["loss"]
        )
    )
    patience = EarlyStopping("loss", patience=2, check_on_train_epoch_end=True)
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar"), False)
    quiet |= {"enable_model_summary": False, "accelerator": "cpu", "max_epochs": config["epochs"]}
    trainer = lightning.Trainer(callbacks=[hand_over, patience], **quiet)
    trainer.fit(Sine(config["width"], config["lr"]), torch.utils.data.DataLoader(data, 64, True))
    return "no improvement for 2 epochs"  # of no account where the last epoch was reached


space = {"width": [4, 16], "lr": [0.003, 0.3]}
goal = {"metric": "loss", "mode": "min", "epochs": 25, "seeds": 2}
study = Study(
    name="lightning", question="Which width and rate?", trainable=train, space=space, **goal
)
