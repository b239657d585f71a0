"""lm-evaluation-harness: log-likelihoods by /v1/completions with the server's tokenizer, and generation."""

import json
import os

import lm_eval
import pytest
from lm_eval.tasks import TaskManager

URL = os.environ["ALTIPLANO_URL"]
MODEL = os.environ["ALTIPLANO_MODEL"]

CHOICE = """
task: sums_choice
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: right
target_delimiter: " "
metric_list: [{metric: acc}]
"""
ROLLING = """
task: sums_rolling
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question}}"
metric_list: [{metric: word_perplexity}]
"""
GENERATE = """
task: sums_generate
dataset_path: json
dataset_kwargs: {data_files: {test: FILE}}
test_split: test
output_type: generate_until
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 40, temperature: 0}
metric_list: [{metric: exact_match}]
"""


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    sums = [(17, 25), (3, 4), (50, 9), (12, 30), (8, 8)]
    docs = [
        {
            "question": f"What is {a} + {b}?",
            "answer": f"{a} + {b} = {a + b}.",
            "choices": [f"{a} + {b} = {a + b}.", "Zebra purple window."],
            "right": 0,
        }
        for a, b in sums
    ]
    data = tmp_path / "sums.jsonl"
    data.write_text("\n".join(map(json.dumps, docs)))
    for name, task in (("choice", CHOICE), ("rolling", ROLLING), ("generate", GENERATE)):
        (tmp_path / f"{name}.yaml").write_text(task.replace("FILE", str(data)))
    return TaskManager(include_path=str(tmp_path), include_defaults=False)


def results(tasks, task, model="local-completions", path="completions", **more):
    extra = more.pop("args", {"tokenizer_backend": "remote"})
    args = {"model": MODEL, "base_url": f"{URL}/v1/{path}", "max_retries": 1, "num_concurrent": 1, **extra}
    found = lm_eval.simple_evaluate(
        model=model, model_args=args, tasks=[task], task_manager=tasks, bootstrap_iters=0, **more
    )
    return found["results"][task]


def test_choices_by_their_log_likelihood(tasks):
    assert results(tasks, "sums_choice")["acc,none"] == 1


def test_rolling_log_likelihood(tasks):
    assert results(tasks, "sums_rolling")["word_perplexity,none"] > 1


def test_generation_by_completions(tasks):
    assert "exact_match,none" in results(tasks, "sums_generate")


def test_generation_by_chat(tasks):
    args = {"tokenizer_backend": None}
    found = results(
        tasks, "sums_generate", "local-chat-completions", "chat/completions", args=args, apply_chat_template=True
    )
    assert found["exact_match,none"] >= 0.8
