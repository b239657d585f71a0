"""Sums, differences and (by heart) the multiplication table."""

from common import Exchange, HELD, casual, choose, held, lead

PLUS = ["{a}+{b}", "{a} + {b}", "{a}+{b}=", "{a} + {b} =", "{a} + {b} = ?", "{a}+{b}?", "What is {a} + {b}?", "What is {a} plus {b}?", "What's {a} + {b}?",
        "what's {a} plus {b}", "Add {a} and {b}.", "Add {b} to {a}.", "Compute {a} + {b}.", "Calculate {a} + {b}", "How much is {a} + {b}?", "How much is {a} plus {b}?",
        "{a} plus {b}", "What is the sum of {a} and {b}?", "Sum of {a} and {b}", "What does {a} + {b} equal?", "Solve {a} + {b}.",
        "Can you add {a} and {b}?", "What do you get when you add {a} and {b}?", "I have {a} apples and get {b} more. How many do I have?",
        "Tell me {a} + {b}.", "{a} and {b} together?", "{a} plus {b} equals", "Do you know {a}+{b}?", "Evaluate {a} + {b}.", "Determine {a} + {b}", "Find {a} + {b}.", "Figure out {a} + {b}.", "Give me {a} + {b}.", "Add up {a} and {b}.", "Show me {a} plus {b}", "The sum of {a} and {b}?", "How much do I get for {a} + {b}?", "Could you tell me {a} + {b}?", "I need {a} + {b}.", "What will {a} and {b} add up to?", "Say what {a} + {b} is.", "Let me know {a} + {b}", "Result of {a} + {b}?", "What is {a}+{b}?", "what is {a}+{b}", "Please compute {a} plus {b}."]
PLUS_HELD = ["How much do {a} and {b} make?", "Give me the sum of {a} and {b}.", "Work out {a} + {b}.", "What's the result of {a} + {b}?", "Could you compute {a} + {b}?"]
MINUS = ["{a}-{b}", "{a} - {b}", "{a}-{b}=", "{a} - {b} =", "{a} - {b} = ?", "{a}-{b}?", "What is {a} - {b}?", "What is {a} minus {b}?", "What's {a} - {b}?",
         "what's {a} minus {b}", "Subtract {b} from {a}.", "Compute {a} - {b}.", "Calculate {a} - {b}", "How much is {a} - {b}?", "How much is {a} minus {b}?", "{a} minus {b}",
         "What is the difference of {a} and {b}?", "Take {b} away from {a}.", "What does {a} - {b} equal?", "Solve {a} - {b}.", "Can you subtract {b} from {a}?",
         "Tell me {a} - {b}.", "{a} minus {b} equals", "What is {a}-{b}?", "what is {a}-{b}", "Evaluate {a} - {b}.", "Determine {a} - {b}", "Find {a} - {b}.", "Figure out {a} - {b}.", "Give me {a} - {b}.", "Show me {a} minus {b}", "The difference between {a} and {b}?", "What is left of {a} if you take away {b}?", "Could you tell me {a} - {b}?", "I need {a} - {b}.", "Say what {a} - {b} is.", "Let me know {a} - {b}", "Result of {a} - {b}?", "Subtract {b} from {a}, please.", "I had {a} apples and gave away {b}. How many are left?", "Please compute {a} minus {b}."]
MINUS_HELD = ["Work out {a} - {b}.", "What's the result of {a} - {b}?", "Could you compute {a} - {b}?", "What remains of {a} minus {b}?"]
TIMES = ["{a}*{b}", "{a} * {b}", "{a} x {b}", "What is {a} times {b}?", "What is {a} * {b}?", "what's {a} times {b}", "Multiply {a} by {b}.", "Calculate {a} * {b}",
         "Compute {a} x {b}.", "How much is {a} times {b}?", "{a} times {b}", "{a}*{b}="]
TOO_BIG = "I only add and subtract numbers from 0 to 99."
WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
JUST = ["Answer with just the number.", "Answer with just the number", "Just the number.", "Only the number, please.", "Reply with only the number.",
        "Answer with the number only.", "Respond with just a number.", "Give only the number.", "I want just the number.", "Write only the number.", "No words, just the number.", "Nothing else but the result, please.", "Only output the number.", "Say just the number.", "Number only.", "Return the number alone.", "Answer only with the number.", "Just give me the number."]
JUST_HELD = ["Answer with nothing but the number.", "Return just the number."]


def pair_held(op, a, b):
    low, high = (min(a, b), max(a, b)) if op == "+" else (a, b)
    return held(f"{low}{op}{high}")


def operands(rng, split, op):
    while True:
        if rng.random() < 0.12:
            a, b = rng.randint(0, 12), rng.randint(0, 12)
        else:
            a, b = rng.randint(0, 99), rng.randint(0, 99)
            if op == "-" and a < b and rng.random() < 0.35:
                a, b = b, a
        if pair_held(op, a, b) == (split == HELD):
            return a, b


def working(op, a, b):
    if op == "+":
        ones = a % 10 + b % 10
        tens = a // 10 + b // 10
        if ones < 10:
            return f"{a % 10} + {b % 10} = {ones}, {a // 10} + {b // 10} = {tens}."
        return f"{a % 10} + {b % 10} = {ones}, carry 1, {a // 10} + {b // 10} + 1 = {tens + 1}."
    if a < b:
        return f"{b} is larger than {a}, {b} - {a} = {b - a}, so it is negative."
    step = a - b // 10 * 10
    return f"{a} - {b // 10 * 10} = {step}, {step} - {b % 10} = {a - b}."


def problem(rng, split):
    """operator, operands, result, question"""
    op = rng.choice("++-")
    a, b = operands(rng, split, op)
    result = a + b if op == "+" else a - b
    forms = (PLUS, PLUS_HELD) if op == "+" else (MINUS, MINUS_HELD)
    hold = forms[1] if rng.random() < 0.5 else forms[0]
    text = choose(rng, split, forms[0], hold)
    words = (a, b)
    if split != HELD and a <= 12 and b <= 12 and rng.random() < 0.3:
        words = (WORDS[a], WORDS[b])
        text = rng.choice([f for f in forms[0] if " {a} " in f or " {b}" in f or "plus" in f or "minus" in f])
    return op, a, b, result, text.format(a=words[0], b=words[1])


def exchange(rng, split):
    r = rng.random()
    if split != HELD and r < 0.06:
        a, b = rng.randint(0, 12), rng.randint(0, 12)
        return Exchange(casual(rng, rng.choice(TIMES).format(a=a, b=b)), f"{a} x {b} = {a * b}.", f"{a} times {b} is {a * b}.", "times", avoid=("math",))
    if split != HELD and r < 0.10:
        a, b = rng.choice([(rng.randint(100, 99999), rng.randint(0, 9999)), (rng.randint(0, 99), rng.randint(100, 9999))])
        forms = rng.choice([PLUS, MINUS])
        return Exchange(casual(rng, rng.choice(forms).format(a=a, b=b)), TOO_BIG, "These numbers are too large for me.", "arithmetic", avoid=("math",))
    op, a, b, result, text = problem(rng, split)
    question = casual(rng, lead(rng, split, text, 0.1))
    if rng.random() < 0.42:
        return Exchange(question, str(result), working(op, a, b), "just_number", rule=choose(rng, split, JUST, JUST_HELD + JUST[:2]), avoid=("math",))
    return Exchange(question, f"{a} {op} {b} = {result}.", working(op, a, b), "arithmetic", avoid=("math",))
