"""libzmq itself, as llm-d's and vLLM's subscribers use it: SUB that calls and that is called, DEALER and REQ for replay."""

import json
import os
import time
import urllib.request

import msgpack
import zmq

BASE_URL = os.environ["BASE_URL"]
BLOCK = int(os.environ["BLOCK"])
# Where the server listens, and where it listens for replay.
LIVE, REPLAY = os.environ["LIVE"], os.environ["REPLAY"]

context = zmq.Context()


def post(path, **body):
    request = urllib.request.Request(
        f"{BASE_URL}/{path}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def patiently(socket):
    assert socket.poll(10_000), "nothing came"
    return socket.recv_multipart()


def decoded(topic, sequence, payload):
    assert topic.startswith(b"kv@"), topic
    ts, events, rank = msgpack.unpackb(payload, strict_map_key=False)
    assert abs(time.time() - ts) < 3600 and isinstance(ts, float) and rank == 0
    return int.from_bytes(sequence, "big"), events


def apply(blocks, events):
    for tag, *fields in events:
        if tag == "AllBlocksCleared":
            blocks.clear()
        elif tag == "BlockRemoved":
            for block_hash in fields[0]:
                del blocks[block_hash]
        else:
            assert tag == "BlockStored", tag
            hashes, parent, tokens, size, _lora_id, medium, lora_name = fields
            assert size == BLOCK and medium == "GPU" and lora_name is None
            assert all(0 < block_hash < 2**64 for block_hash in hashes)
            assert len(tokens) == size * len(hashes) and (parent is None or parent in blocks)
            for index, block_hash in enumerate(hashes):
                blocks[block_hash] = (parent, tokens[index * size : (index + 1) * size])
                parent = block_hash


def chain(blocks):
    """All prefixes that end with a whole block."""
    def prefix(block_hash):
        parent, tokens = blocks[block_hash]
        return (prefix(parent) if parent is not None else []) + tokens

    return [prefix(block_hash) for block_hash in blocks]


# A SUB that calls, with libzmq's heartbeats on: it sends PING and hangs up where no PONG comes.
sub = context.socket(zmq.SUB)
sub.set(zmq.HEARTBEAT_IVL, 200)
sub.set(zmq.HEARTBEAT_TIMEOUT, 600)
sub.set(zmq.HEARTBEAT_TTL, 600)
monitor = sub.get_monitor_socket(zmq.EVENT_DISCONNECTED)
sub.subscribe("kv@")
sub.connect(LIVE)
blocks = {}
last, events = decoded(*patiently(sub))
assert events[0] == ["AllBlocksCleared"]
apply(blocks, events)

prompt = "All the rivers of the high plain run to lakes that have no way to the sea. " * 8
ids = post("completions/render", model="demo", prompt=prompt)[0]["token_ids"]
post("completions", model="demo", prompt=prompt, max_tokens=2)
whole = ids[: len(ids) // BLOCK * BLOCK]
while whole not in chain(blocks):
    sequence, events = decoded(*patiently(sub))
    assert sequence == last + 1
    last = sequence
    apply(blocks, events)
time.sleep(2)
assert monitor.poll(0) == 0, "the connection was lost"

# vLLM's way of asking for what was missed, and llm-d's.
dealer = context.socket(zmq.DEALER)
dealer.connect(REPLAY)
dealer.send_multipart([b"", (0).to_bytes(8, "big")])
again = {}
count = 0
while True:
    delimiter, topic, sequence, payload = patiently(dealer)
    assert delimiter == b""
    if payload == b"":
        assert int.from_bytes(sequence, "big", signed=True) == -1
        break
    number, events = decoded(topic, sequence, payload)
    assert number == count
    count += 1
    apply(again, events)
assert again == blocks and count == last + 1

request = context.socket(zmq.REQ)
request.connect(REPLAY)
request.send(last.to_bytes(8, "big"))
topic, sequence, payload = patiently(request)
assert decoded(topic, sequence, payload)[0] == last

# A SUB that goes and comes back is told all anew.
sub.disconnect(LIVE)
sub.connect(LIVE)
sequence, events = decoded(*patiently(sub))
anew = {}
apply(anew, events)
assert events[0] == ["AllBlocksCleared"] and anew == blocks

# A SUB that is called.
bound = context.socket(zmq.SUB)
bound.subscribe("kv@")
bound.bind(os.environ["CALLED"])
sequence, events = decoded(*patiently(bound))
assert events[0] == ["AllBlocksCleared"]

print("all checks passed")
