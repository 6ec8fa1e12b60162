"""A small transformer that writes Shakespeare, character by character."""

from __future__ import annotations

import string
from typing import Annotated

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from optbench.core.errors import OptbenchError, SpecError
from optbench.core.parameters import Param
from optbench.core.task import Task, Windows, accuracy
from optbench.data.library import load
from optbench.models.transformer import Transformer

DATA = "tinyshakespeare"
VOCABULARY = "\n !$&',-.3:;?" + string.ascii_uppercase + string.ascii_lowercase
"""The 65 characters of Tiny Shakespeare, sorted; a character's place is its token."""

EVALUATED = 16_384
"""Characters in one forward pass of an evaluation."""

STACKED = 32
"""Largest width of which 16 models advance faster as one stack on a CPU.

As measured on one thread: 16 gradients of width 16 took .44 of the time of one after another, of
width 32 .6 to .7, of width 64 .8 to 1.2, of the CPU setting 1, before the update of the stack.
"""


def char_transformer(
    *,
    layers: Annotated[int, Param("blocks", low=1, high=100)] = 4,
    heads: Annotated[int, Param("heads of an attention; they share the width", low=1)] = 4,
    width: Annotated[int, Param("numbers that stand for a character", low=1)] = 128,
    context: Annotated[int, Param("characters seen at once", low=1)] = 64,
    dropout: Annotated[float, Param("probability of dropout", low=0, below=1)] = 0.0,
    characters: Annotated[int, Param("only the text's first; 0 takes all", low=0)] = 0,
    batch_size: Annotated[int, Param("contexts in a gradient", low=1)] = 12,
    steps: Annotated[int, Param("steps of a run", low=1)] = 2000,
    target: Annotated[float, Param("validation loss to reach; 0 for none", low=0)] = 0.0,
) -> Task:
    """The next character of Tiny Shakespeare, by a decoder-only transformer.

    f(x) = E[-log p(c_(t+1) | c_(t-T+1), ..., c_t)] over places in the training text, in nats a
    character; each of the T places of a context is predicted from those before it in the context.

    Data: 1,115,394 characters, 65 of them different. Training is on the first 90%, as in nanoGPT,
    from contexts drawn with replacement at every place. Its validation text, the last 10%, is cut
    in two halves: validation, by which runs are compared, and test, so that no run is tuned on what
    it reports. Their mean is the figure to compare with those published. There each character is
    predicted once, contexts being laid end to end, where nanoGPT draws them at random.
    Facts: not convex; f* is not known. At the start f is about log 65 = 4.17.
    Start: weights normal with standard deviation .02, those before an addition divided by
    sqrt(2 layers); gains of the norms 1. There are no biases, and one matrix embeds and classifies.
    Source: Radford et al., Language models are unsupervised multitask learners, 2019; Karpathy,
    nanoGPT, 2022, config/train_shakespeare_char.py; the text is that of Karpathy, char-rnn, 2015.
    """
    if width % heads:
        raise SpecError(f"char_transformer: {heads} heads cannot share a width of {width}")
    tokens = encode(load(DATA)["text"])
    if characters > len(tokens):
        raise SpecError(f"characters={characters}, and the text has {len(tokens)}")
    train, validation, test = split(tokens[:characters] if characters else tokens)
    return Task(
        module=lambda: Transformer(
            vocabulary=len(VOCABULARY),
            context=context,
            layers=layers,
            heads=heads,
            width=width,
            dropout=dropout,
        ),
        loss=cross_entropy,
        train=Windows(train, context),
        validation=Windows(validation, context, stride=context),
        test=Windows(test, context, stride=context),
        accuracy=accuracy,
        batch_size=batch_size,
        budget=steps,
        targets=(f"value={target}",) if target else (),
        replacement=True,
        evaluation_batch=max(1, EVALUATED // context),
        stacks=() if dropout else ("cpu", "cuda") if width <= STACKED else ("cuda",),
    )


def encode(text: np.ndarray) -> Tensor:
    """Turn bytes into tokens.

    Args:
        text: Shape (n,), uint8.

    Returns:
        Places in the vocabulary, shape (n,), int64.

    Raises:
        OptbenchError: For a byte that is no character of the vocabulary.
    """
    places = np.full(256, -1)
    places[list(VOCABULARY.encode())] = range(len(VOCABULARY))
    tokens = places[text]
    unknown = np.flatnonzero(tokens < 0)
    if len(unknown):
        first = unknown[0]
        raise OptbenchError(
            f"{DATA}: {chr(text[first])!r} at place {first} is not among the "
            f"{len(VOCABULARY)} characters of the vocabulary"
        )
    return torch.from_numpy(tokens)


def split(tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cut a text (n,) into the first 90%, and two halves of the rest."""
    train = int(0.9 * len(tokens))
    half = (len(tokens) - train) // 2
    return tokens[:train], tokens[train : train + half], tokens[train + half :]


def cross_entropy(scores: Tensor, characters: Tensor) -> Tensor:
    """Return the mean of -log p in nats, of scores (b, T, vocabulary) and characters (b, T)."""
    return functional.cross_entropy(scores.flatten(0, 1), characters.flatten())
