"""PyTorch Lightning with its own early stopping: ``study run examples/lightning_push.py``."""

import tempfile
from pathlib import Path

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


x = torch.linspace(-3, 3, 256).unsqueeze(1)
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, torch.sin(x)), 64)
quiet = {f"enable_{what}": False for what in ("checkpointing", "progress_bar", "model_summary")}
quiet |= {"accelerator": "cpu", "logger": False}


def train(config, seed, report, resume=None):
    lightning.seed_everything(seed, verbose=False)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "last.ckpt")
        file.write_bytes(resume or b"")

        def hand_over(trainer, module):
            trainer.save_checkpoint(file)
            loss = trainer.callback_metrics["loss"]
            report(epoch=trainer.current_epoch + 1, loss=loss, state=file.read_bytes())

        patience = EarlyStopping("loss", patience=2, check_on_train_epoch_end=True)
        callbacks = [patience, LambdaCallback(on_train_epoch_end=hand_over)]
        trainer = lightning.Trainer(callbacks=callbacks, max_epochs=config["epochs"], **quiet)
        net = Sine(config["width"], config["lr"])
        trainer.fit(net, data, ckpt_path=file if resume else None, weights_only=False)
    return "no improvement for 2 epochs"  # of no account where the last epoch was reached


space = {"width": [4, 16], "lr": [0.003, 0.3]}
goal = {"metric": "loss", "mode": "min", "epochs": 25, "seeds": 2}
study = Study(
    name="lightning", question="Which width and rate?", trainable=train, space=space, **goal
)
