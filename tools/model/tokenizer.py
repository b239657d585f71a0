"""The tokenizer: byte-level BPE with the qwen2 split, made so that copying is easy.

Merges are learned inside words only, so a word has the same tokens after a space, a quote or an
underscore. Then the most common words that nobody copies get a token with the space in front.
"""

import json
import random
import re
from collections import Counter

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import chat
import common
from skills import capitals, structured, tools

SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LEARN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+"
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MARKS = ["<think>", "</think>", "<tool_call>", "</tool_call>"]
SIZE, SPACED = 2048, 420
STOP = set("the a my our new big for with and from about under start finish return print check".split())


def splitter(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def corpus(count=12000, seed=1):
    rng = random.Random(seed)
    for _ in range(count):
        yield "".join(t for t, _ in chat.pieces(*chat.conversation(rng)))
    for line in chat.RAW:
        yield line


def copied_words():
    lists = [common.NAMES, common.CITIES, common.WORDS, capitals.OTHERS, structured.JOBS, tools.LANGUAGES, tools.ROOMS, tools.VERBS, tools.NOUNS]
    return {w for words in lists for item in words for w in item.split()} - STOP


def train(path, count=12000):
    marks = "|".join(map(re.escape, CONTROL + MARKS))
    texts = [part for t in corpus(count) for part in re.split(marks, t) if part]
    base = Tokenizer(models.BPE())
    base.pre_tokenizer = splitter(LEARN)
    trainer = trainers.BpeTrainer(vocab_size=SIZE - SPACED - len(CONTROL + MARKS), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    base.train_from_iterator(texts, trainer)
    model = json.loads(base.to_str())["model"]
    vocab, merges = model["vocab"], [tuple(m) for m in model["merges"]]
    banned = copied_words()
    seen = Counter(w for t in texts for w in re.findall(r"(?<= )[A-Za-z]+", t) if w in vocab and w not in banned and (len(w) > 1 or w in "aI"))
    for w, _ in seen.most_common(SPACED):
        merges.append(("Ġ", w))
        vocab["Ġ" + w] = len(vocab)
    final = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    final.pre_tokenizer = splitter(SPLIT)
    final.decoder = decoders.ByteLevel()
    final.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in CONTROL])
    final.add_tokens([AddedToken(t, normalized=False) for t in MARKS])
    final.save(str(path))
    return final


if __name__ == "__main__":
    import sys

    t = train(sys.argv[1])
    print(t.get_vocab_size(), t.encode("What's the weather in Zanzibar? 12+3= get_weather").tokens)
