"""Checkpoint to GGUF: python export.py WORK OUT"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer

import chat
from tokenizer import CONTROL, MARKS

CONTEXT = 2048
ABOUT = ("A demonstration model of about three million parameters, trained from scratch on generated text. It greets, adds and subtracts, "
         "names capitals, answers questions about Altiplano, calls tools and writes JSON. It knows nothing else.")


def add_tokenizer(writer, path):
    spec = json.loads(Path(path).read_text())
    tok = Tokenizer.from_file(str(path))
    vocab = tok.get_vocab()
    names = sorted(vocab, key=vocab.get)
    assert [vocab[n] for n in names] == list(range(len(names)))
    types = [gguf.TokenType.CONTROL if n in CONTROL else gguf.TokenType.USER_DEFINED if n in MARKS else gguf.TokenType.NORMAL for n in names]
    merges = [m if isinstance(m, str) else " ".join(m) for m in spec["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(names)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(vocab["<|im_end|>"])
    writer.add_pad_token_id(vocab["<|endoftext|>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(chat.TEMPLATE)


def main():
    work, out = Path(sys.argv[1]), Path(sys.argv[2])
    saved = torch.load(work / "checkpoint.pt", weights_only=False, map_location="cpu")
    s, weights = saved["shape"], saved["model"]
    writer = gguf.GGUFWriter(str(out) + ".part", "qwen3")
    writer.add_name("Altiplano Demo")
    writer.add_description(ABOUT)
    writer.add_license("apache-2.0")
    writer.add_type("model")
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_float32("general.sampling.temp", 0.2)
    writer.add_vocab_size(s["vocab"])
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(s["width"])
    writer.add_block_count(s["layers"])
    writer.add_feed_forward_length(s["hidden"])
    writer.add_head_count(s["heads"])
    writer.add_head_count_kv(s["kv_heads"])
    writer.add_key_length(s["head"])
    writer.add_value_length(s["head"])
    writer.add_layer_norm_rms_eps(s["eps"])
    writer.add_rope_freq_base(s["rope_base"])
    add_tokenizer(writer, work / "tokenizer.json")

    def add(name, key):
        data = weights[key].float().numpy()
        if data.ndim == 1:
            writer.add_tensor(name, data)
        else:
            packed = gguf.quants.quantize(np.ascontiguousarray(data), gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(name, packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    add("token_embd.weight", "embed.weight")
    add("output_norm.weight", "norm.weight")
    parts = {"attn_norm": "attn_norm", "attn_q": "q", "attn_k": "k", "attn_v": "v", "attn_q_norm": "q_norm", "attn_k_norm": "k_norm", "attn_output": "o", "ffn_norm": "ffn_norm", "ffn_gate": "gate", "ffn_up": "up", "ffn_down": "down"}
    for i in range(s["layers"]):
        for theirs, ours in parts.items():
            add(f"blk.{i}.{theirs}.weight", f"blocks.{i}.{ours}.weight")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    Path(str(out) + ".part").rename(out)
    print(f"{out}: {out.stat().st_size} bytes, step {saved['step']}")


if __name__ == "__main__":
    main()
