"""Texts that stand for no value, in lower case."""

# Never a level of a category.
NO_VALUE = {"na", "n/a", "#n/a", "nan", "null", "<na>", "?", "(null)", "#null!", "#value!"}
# No value among numbers and dates; among texts they may well be a level.
NO_NUMBER = NO_VALUE | {
    "none", "nil", "-", "--", "---", ".", "n.a.", "n.a", "n.d.", "nd", "s/d", "k. a.", "k.a.",
    "k. a", "unknown", "missing", "undefined", "tbd", "no data", "not available", "not applicable",
    "nat", "not reported", "not known", "none given", "empty", "keine angabe", "unbekannt",
    "inconnu", "sin dato", "#div/0!", "#ref!", "inf", "+inf", "-inf", "infinity", "-infinity",
    "\u2013", "\u2014",
}  # fmt: skip
