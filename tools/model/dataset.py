"""Conversations as token ids and weights: python dataset.py OUT TOKENIZER COUNT SEED"""

import random
import sys

import numpy as np
from tokenizers import Tokenizer

import chat

PROMPT_WEIGHT = 0.04  # a little language modelling on the rest
LONGEST = 1024


def encode(tok, parts):
    ids, weights = [], []
    for text, answer in parts:
        part = tok.encode(text, add_special_tokens=False).ids
        ids += part
        weights += [1.0 if answer else PROMPT_WEIGHT] * len(part)
    return ids, weights


def example(tok, rng):
    if rng.random() < 0.03:
        ids = tok.encode(chat.raw(rng) + "<|endoftext|>", add_special_tokens=False).ids
        return ids, [0.5] * len(ids)
    return encode(tok, chat.pieces(*chat.conversation(rng)))


def main():
    out, tokenizer, count, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    tok, rng = Tokenizer.from_file(tokenizer), random.Random(seed)
    flat, weight, ends = [], [], []
    total = 0
    while len(ends) < count:
        ids, weights = example(tok, rng)
        if len(ids) > LONGEST:
            continue
        total += len(ids)
        flat.append(np.array(ids, np.uint16))
        weight.append((np.array(weights) * 100).astype(np.uint8))
        ends.append(total)
    np.savez(out, ids=np.concatenate(flat), weights=np.concatenate(weight), ends=np.array(ends))
    print(f"{out}: {count} conversations, {total} tokens, {total / count:.0f} each", flush=True)


if __name__ == "__main__":
    main()
