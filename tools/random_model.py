"""Makes a random-weight Llama of about 300 MB in Q8_0: for speed, not for sense. Usage: random_model.py OUT.gguf

Needs gguf and numpy. Its vocabulary is the built-in model's, padded with three-letter tokens, so that every token is
UTF-8 on its own.
"""

import itertools
import sys

import gguf
import numpy as np

WIDTH, LAYERS, FEED_FORWARD, HEADS, KV_HEADS, VOCABULARY, CONTEXT = 1024, 16, 2816, 16, 8, 32000, 8192


def tokens() -> tuple[list[str], list[int]]:
    alphabet = [chr(code) for code in range(33, 127)]
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["Ġ" + "".join(word) for word in itertools.product(letters, repeat=3)]
    more = ["".join(word) for word in itertools.product(letters, repeat=3)]
    plain = (alphabet + ["Ġ", "Ċ"] + words + more)[: VOCABULARY - 3]
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    types = [gguf.TokenType.NORMAL] * len(plain) + [gguf.TokenType.CONTROL] * len(control)
    return plain + control, [int(kind) for kind in types]


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
    writer.add_token_merges([f"{a} {b}" for a, b in [("a", "b"), ("Ġ", "a")]])
    writer.add_eos_token_id(size - 1)
    writer.add_add_bos_token(False)

    def matrix(name: str, rows: int, columns: int, scale: float = 0.02) -> None:
        values = rng.standard_normal((rows, columns), dtype=np.float32) * scale
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)

    def ones(name: str) -> None:
        writer.add_tensor(name, np.ones(WIDTH, np.float32))

    matrix("token_embd.weight", size, WIDTH, 1.0)
    matrix("output.weight", size, WIDTH, 0.3)
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
