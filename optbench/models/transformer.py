"""A decoder-only transformer: each token from those before it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

STD = 0.02
"""Standard deviation of the initial weights (Radford et al. 2019)."""


class Attention(nn.Module):
    """Causal self-attention with several heads.

    y = concat_h(softmax(Q_h K_h'/sqrt(width/heads) + M) V_h) W_out', where M is -inf above the
    diagonal. Source: Vaswani et al., Attention is all you need, 2017, section 3.2.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        """Make the two projections.

        Args:
            width: Numbers that stand for a token.
            heads: They share the width.
            dropout: Probability for an attention weight; `torch.func` works with 0 only.
        """
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, T, width) to (b, T, width)."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        if is_transformed():
            y = attend(q, k, v)
        else:
            y = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        mixed: Tensor = self.out(y.transpose(1, 2).flatten(2))
        return mixed


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def is_transformed() -> bool:
    """Return whether `torch.func` is at work: its `vmap`, `grad` or `jvp`, compiled or not."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return causal attention, written out.

    For stacks of models: torch's fused kernels have no rule for `vmap` in one direction or both (up
    to 2.13), so that it walks through the stack, with a warning.

    Args:
        q: Queries, shape (..., T, n).
        k: Keys, of the same shape.
        v: Values, of the same shape.

    Returns:
        Mixed values, (..., T, n).
    """
    T, n = q.shape[-2:]
    later = q.new_full((T, T), -math.inf).triu(1)
    mixed: Tensor = (q / math.sqrt(n) @ k.mT + later).softmax(-1) @ v
    return mixed


class Block(nn.Module):
    """Attention and a two-layer perceptron, each normalised before and added to what came in."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        """Make the parts.

        Args:
            width: Numbers that stand for a token.
            heads: They share the width.
            dropout: Probability for an attention weight, and for what is added.
        """
        super().__init__()
        # All norms have `norm` in their names, by which groups pick them.
        self.norm = nn.ModuleList(nn.LayerNorm(width, bias=False) for _ in range(2))
        self.attention = Attention(width, heads, dropout)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        self.drop = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, T, width) to (b, T, width)."""
        x = x + self.drop(self.attention(self.norm[0](x)))
        y: Tensor = x + self.drop(self.down(functional.gelu(self.up(self.norm[1](x)))))
        return y


class Transformer(nn.Module):
    """A stack of blocks between an embedding and its transpose.

    z = LayerNorm(B_k(... B_1(E[tokens] + P))) E', without biases: the matrix E is the embedding
    and the classifier's at once. Dropout acts on the sum of the embeddings, the attention weights
    and what each block adds. Weights start normal with standard deviation .02, those of the last
    linear map before each addition with .02/sqrt(2 layers), gains of the norms at 1.

    Source: Radford et al., Language models are unsupervised multitask learners, 2019, section 2.3;
    Press and Wolf, Using the output embedding to improve language models, 2017; the choices are
    those of Karpathy, nanoGPT, 2022.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        context: int,
        layers: int,
        heads: int,
        width: int,
        dropout: float = 0.0,
    ) -> None:
        """Make and initialise the model.

        Args:
            vocabulary: How many tokens there are.
            context: The most tokens that it sees at once, T.
            layers: Blocks.
            heads: Heads of an attention; they divide the width.
            width: Numbers that stand for a token.
            dropout: Probability; with 0 nothing is random.
        """
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.drop = nn.Dropout(dropout) if dropout else nn.Identity()
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                is_added = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=STD / math.sqrt(2 * layers) if is_added else STD)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the scores of the next token at each place.

        Args:
            tokens: Shape (b, T), int64, T up to the context.

        Returns:
            Shape (b, T, vocabulary).
        """
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.drop(self.tokens(tokens) + self.positions(places))
        for block in self.blocks:
            x = block(x)
        scores: Tensor = functional.linear(self.norm(x), self.tokens.weight)
        return scores
