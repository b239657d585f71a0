"""LiteLLM's proxy in between, with each of its three ways to the server, called by OpenAI's client and by hand."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from openai import OpenAI

URL = os.environ["ALTIPLANO_URL"]
MODEL = os.environ["ALTIPLANO_MODEL"]
KEY = "sk-judge"
ASKED = [{"role": "user", "content": "What is 17 + 25?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxy")
    bases = {"openai": f"{URL}/v1", "hosted_vllm": f"{URL}/v1", "anthropic": URL}
    models = [
        {
            "model_name": way,
            "litellm_params": {"model": f"{way}/{MODEL}", "api_base": base, "api_key": "none"},
        }
        for way, base in bases.items()
    ]
    config = folder / "config.yaml"
    # JSON is YAML.
    config.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": KEY}}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("litellm")
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [program, "--config", config, "--host", "127.0.0.1", "--port", str(port)],
            stdout=log,
            stderr=log,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"},
        )
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            if process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{base}/health/liveliness", timeout=5)
                yield base
                return
            except OSError:
                time.sleep(0.5)
        pytest.fail((folder / "log").read_text()[-3000:])
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def client(proxy):
    return OpenAI(base_url=f"{proxy}/v1", api_key=KEY, max_retries=0)


def post(url, body):
    head = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), head)
    return json.load(urllib.request.urlopen(request, timeout=60))


ways = pytest.mark.parametrize("way", ["openai", "hosted_vllm", "anthropic"])


@ways
def test_chat(client, way):
    answer = client.chat.completions.create(model=way, messages=ASKED, max_tokens=100, temperature=0)
    assert "42" in answer.choices[0].message.content
    assert answer.usage.completion_tokens > 0


@ways
def test_stream(client, way):
    stream = client.chat.completions.create(model=way, messages=ASKED, max_tokens=100, temperature=0, stream=True)
    chunks = list(stream)
    assert "42" in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]


@ways
def test_tool_call(client, way):
    asked = [{"role": "user", "content": "What is the weather in Paris?"}]
    more = {"model": way, "tools": [TOOL], "max_tokens": 100, "temperature": 0}
    message = client.chat.completions.create(messages=asked, **more).choices[0].message
    assert message.tool_calls[0].function.name == "get_weather"
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "21 degrees and sunny"}
    again = client.chat.completions.create(messages=[*asked, message.model_dump(exclude_none=True), result], **more)
    assert again.choices[0].message.content


@ways
def test_messages(proxy, way):
    answer = post(f"{proxy}/v1/messages", {"model": way, "messages": ASKED, "max_tokens": 100, "temperature": 0})
    assert "42" in answer["content"][0]["text"]


@ways
def test_responses(client, way):
    answer = client.responses.create(model=way, input="What is 17 + 25?", max_output_tokens=100, temperature=0)
    assert "42" in answer.output_text
