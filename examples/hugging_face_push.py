"""The Trainer of Hugging Face: ``study run examples/hugging_face_push.py``."""

import tempfile

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from tuning import Study

draw = torch.Generator().manual_seed(0)
tokens = torch.randint(5, 50, (128, 12), generator=draw)
examples = [{"input_ids": row, "labels": (row > 27).sum() % 2} for row in tokens]


class HandOver(TrainerCallback):
    def __init__(self, report):
        self.report = report

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        self.report(epoch=round(state.epoch), loss=metrics["eval_loss"])


def train(config, seed, report):
    torch.manual_seed(seed)
    sizes = {"hidden_size": config["width"], "intermediate_size": 32, "num_hidden_layers": 1}
    model = BertForSequenceClassification(
        BertConfig(vocab_size=50, num_attention_heads=2, max_position_embeddings=12, **sizes)
    )
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"report_to": "none", "save_strategy": "no", "logging_strategy": "no"}
        how = {"num_train_epochs": config["epochs"], "learning_rate": config["lr"], "seed": seed}
        how |= {"eval_strategy": "epoch", "disable_tqdm": True, "use_cpu": True}
        arguments = TrainingArguments(folder, per_device_train_batch_size=32, **quiet, **how)
        data = {"train_dataset": examples[:96], "eval_dataset": examples[96:]}
        Trainer(model, arguments, callbacks=[HandOver(report)], **data).train()


space = {"width": [8, 16], "lr": [1e-3, 1e-2]}
goal = {"metric": "loss", "mode": "min", "epochs": 3, "seeds": 1}
study = Study(name="hugging_face", question="Which rate?", trainable=train, space=space, **goal)
