#! /usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Counts "what" and "who" with their forms in comments.

usage: words.py [-v] [MOST]

A comment is a sentence with a noun for its subject: the client, the walker,
the file.  Prints how many times the
words stand in 1,000 words of comments, of the product and the tests; with -v
first the places.  Exit status 1 past MOST in 1,000.
"""
import pathlib
import re
import sys

FORMS = re.compile(r"\b(?:[Ww]hat(?:ever|soever|'s)?|"
                   r"[Ww]ho(?:m|se|ever|'s|'ve|'d)?)\b(?![=_])")
WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")
# A string, in which nothing is a comment, or a comment.
C = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|(/\*.*?\*/|//.*?$)',
               re.S | re.M)
HASH = re.compile(r"(?:^|[ \t])(#(?!!|include|define).*)$", re.M)
PYTHON = re.compile(r'(""".*?"""|(?:^|  )#(?!!).*?$)', re.S | re.M)
KINDS = {".c": C, ".h": C, ".py": PYTHON, ".sh": HASH, ".lua": HASH}
FOLDERS = "common", "ctl", "pkgtorrentd", "hasher", "tests"


def files():
    for folder in FOLDERS:
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.suffix in KINDS and path.is_file():
                yield path, KINDS[path.suffix]
    yield pathlib.Path("Makefile"), HASH
    yield pathlib.Path(".ci/run"), HASH


def main():
    args = sys.argv[1:]
    verbose = "-v" in args
    most = [float(arg) for arg in args if arg != "-v"]
    words = found = 0
    for path, comment in files():
        text = path.read_text()
        for match in comment.finditer(text):
            if not match.group(1):
                continue
            words += len(WORD.findall(match.group(1)))
            for form in FORMS.finditer(match.group(1)):
                found += 1
                at = text.count("\n", 0, match.start(1) + form.start()) + 1
                if verbose:
                    print("%s:%d: %s" % (path, at,
                                         text.split("\n")[at - 1].strip()))
    rate = 1000 * found / words
    print("%d of %d words of comments: %.1f in 1,000" % (found, words, rate))
    sys.exit(bool(most) and rate > most[0])


main()
