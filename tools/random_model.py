"""Makes a random-weight Llama in Q8_0: for speed, not for sense. Usage: random_model.py OUT.gguf [300m|8b]

300m, the default, has about 271 MB; 8b has the shape of Llama 3.1 8B, its vocabulary of 128 k included, and 8.5 GB.

Needs gguf and numpy. Every token is valid UTF-8 on its own: printable ASCII, space, newline, and words of three letters
with the space before them, " aaa" to " zzz" and then " Aaa" on, and of four where the vocabulary is larger. A word is one
token and an answer that is sent back tokenizes to what was generated, so lengths are exact and prefix caches are measured
fairly. Control tokens have no weight in the output layer: they are never sampled, and every generation has its full
length on any server.
"""

import itertools
import sys
from dataclasses import dataclass

import gguf
import numpy as np


@dataclass(frozen=True)
class Shape:
    width: int
    layers: int
    feed_forward: int
    heads: int
    kv_heads: int
    vocabulary: int
    context: int


SHAPES = {
    "300m": Shape(1024, 16, 2816, 16, 8, 32_000, 8192),
    "8b": Shape(4096, 32, 14_336, 32, 8, 128_256, 131_072),
}
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def words() -> itertools.chain[str]:
    """In byte-level BPE's spelling, where "Ġ" is the space."""
    lower = "abcdefghijklmnopqrstuvwxyz"
    letters = [(lower,) * 3, (lower.upper(), lower, lower), (lower,) * 4]
    return itertools.chain.from_iterable(("Ġ" + "".join(word) for word in itertools.product(*each)) for each in letters)


def tokens(vocabulary: int) -> tuple[list[str], list[int]]:
    alphabet = [chr(code) for code in range(33, 127)] + ["Ġ", "Ċ"]
    plain = list(itertools.islice(itertools.chain(alphabet, words()), vocabulary - len(CONTROL)))
    types = [gguf.TokenType.NORMAL] * len(plain) + [gguf.TokenType.CONTROL] * len(CONTROL)
    return plain + CONTROL, [int(kind) for kind in types]


def merges(names: list[str]) -> list[str]:
    """Each word grows from its space on, one letter at a time; shorter pieces come first, as they do in training."""
    grown = [f"{name[:end]} {name[end]}" for end in (1, 2, 3, 4) for name in names if end < len(name) and name[0] == "Ġ"]
    return list(dict.fromkeys(grown))


BLOCK = np.dtype([("scale", "<f2"), ("values", "i1", 32)])


def q8_0(rng: np.random.Generator, rows: int, columns: int, deviation: float) -> np.ndarray:
    """Weights spread evenly around 0, as ggml lays them out: drawing them quantized takes a tenth of the time."""
    blocks = np.zeros((rows, columns // 32), BLOCK)
    blocks["scale"] = deviation * np.sqrt(3) / 127
    blocks["values"] = rng.integers(-127, 128, (rows, columns // 32, 32), np.int8)
    return blocks.view(np.uint8).reshape(rows, -1)


def main(path: str, name: str = "300m") -> None:
    shape = SHAPES[name]
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    names, types = tokens(shape.vocabulary)
    size = len(names)
    writer.add_name(f"random-{name}")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_vocab_size(size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(names)
    writer.add_token_types(types)
    writer.add_token_merges(merges(names))
    writer.add_eos_token_id(names.index("<|im_end|>"))
    writer.add_pad_token_id(names.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)

    def matrix(name: str, rows: int, columns: int, deviation: float = 0.02, silent: int = 0) -> None:
        """Of its rows the last `silent` are zero."""
        weights = q8_0(rng, rows, columns, deviation)
        weights[rows - silent :] = 0
        writer.add_tensor(name, weights, raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    def ones(name: str) -> None:
        writer.add_tensor(name, np.ones(shape.width, np.float32))

    matrix("token_embd.weight", size, shape.width, 1.0)
    matrix("output.weight", size, shape.width, 0.3, silent=len(CONTROL))
    ones("output_norm.weight")
    kv_width = shape.width // shape.heads * shape.kv_heads
    for layer in range(shape.layers):
        block = f"blk.{layer}."
        ones(block + "attn_norm.weight")
        ones(block + "ffn_norm.weight")
        matrix(block + "attn_q.weight", shape.width, shape.width)
        matrix(block + "attn_k.weight", kv_width, shape.width)
        matrix(block + "attn_v.weight", kv_width, shape.width)
        matrix(block + "attn_output.weight", shape.width, shape.width)
        matrix(block + "ffn_gate.weight", shape.feed_forward, shape.width)
        matrix(block + "ffn_up.weight", shape.feed_forward, shape.width)
        matrix(block + "ffn_down.weight", shape.width, shape.feed_forward)
        print(f"layer {layer + 1} of {shape.layers}", end="\r", file=sys.stderr)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main(*sys.argv[1:])
