"""Makes a random-weight Llama of about 300 MB in Q8_0: for speed, not for sense. Usage: random_model.py OUT.gguf

Needs gguf and numpy. Every token is valid UTF-8 on its own: printable ASCII, space, newline, and 31,901 words of three
letters with the space before them, " aaa" to " zzz" and then " Aaa" on. A word is one token and an answer that is sent
back tokenizes to what was generated, so lengths are exact and prefix caches are measured fairly. Control tokens have no
weight in the output layer: they are never sampled, and every generation has its full length on any server.
"""

import itertools
import sys

import gguf
import numpy as np

WIDTH, LAYERS, FEED_FORWARD, HEADS, KV_HEADS, VOCABULARY, CONTEXT = 1024, 16, 2816, 16, 8, 32000, 8192


CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def words() -> list[str]:
    """In byte-level BPE's spelling, where "Ġ" is the space."""
    lower = "abcdefghijklmnopqrstuvwxyz"
    return ["Ġ" + "".join(word) for first in (lower, lower.upper()) for word in itertools.product(first, lower, lower)]


def tokens() -> tuple[list[str], list[int]]:
    alphabet = [chr(code) for code in range(33, 127)] + ["Ġ", "Ċ"]
    plain = (alphabet + words())[: VOCABULARY - len(CONTROL)]
    types = [gguf.TokenType.NORMAL] * len(plain) + [gguf.TokenType.CONTROL] * len(CONTROL)
    return plain + CONTROL, [int(kind) for kind in types]


def merges(names: list[str]) -> list[str]:
    """Each word grows from its space on, one letter at a time; shorter pieces come first, as they do in training."""
    grown = [f"{name[:end]} {name[end]}" for end in (1, 2, 3) for name in names if len(name) == 4 and name[0] == "Ġ"]
    return list(dict.fromkeys(grown))


def main(path: str) -> None:
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    names, types = tokens()
    size = len(names)
    writer.add_name("random-300m")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
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

    def matrix(name: str, rows: int, columns: int, scale: float = 0.02, silent: int = 0) -> None:
        """Of its rows the last `silent` are zero."""
        values = rng.standard_normal((rows, columns), dtype=np.float32) * scale
        values[rows - silent :] = 0
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)

    def ones(name: str) -> None:
        writer.add_tensor(name, np.ones(WIDTH, np.float32))

    matrix("token_embd.weight", size, WIDTH, 1.0)
    matrix("output.weight", size, WIDTH, 0.3, silent=len(CONTROL))
    ones("output_norm.weight")
    kv_width = WIDTH // HEADS * KV_HEADS
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        ones(block + "attn_norm.weight")
        ones(block + "ffn_norm.weight")
        matrix(block + "attn_q.weight", WIDTH, WIDTH)
        matrix(block + "attn_k.weight", kv_width, WIDTH)
        matrix(block + "attn_v.weight", kv_width, WIDTH)
        matrix(block + "attn_output.weight", WIDTH, WIDTH)
        matrix(block + "ffn_gate.weight", FEED_FORWARD, WIDTH)
        matrix(block + "ffn_up.weight", FEED_FORWARD, WIDTH)
        matrix(block + "ffn_down.weight", WIDTH, FEED_FORWARD)
        print(f"layer {layer + 1} of {LAYERS}", end="\r", file=sys.stderr)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main(sys.argv[1])
