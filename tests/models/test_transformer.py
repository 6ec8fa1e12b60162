"""The transformer against loops written from the formulas, and against what was published."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional

from optbench.models.transformer import Attention, Transformer, attend

CPU = {"vocabulary": 65, "context": 64, "layers": 4, "heads": 4, "width": 128}
GPU = {"vocabulary": 65, "context": 256, "layers": 6, "heads": 6, "width": 384}


def small(seed: int = 0, dropout: float = 0.0) -> Transformer:
    """Return a model of two blocks whose parameters are far from where they start, in float64."""
    torch.manual_seed(seed)
    model = Transformer(vocabulary=11, context=7, layers=2, heads=2, width=8, dropout=dropout)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.4)
    return model.double()


def texts(count: int, length: int) -> Tensor:
    """Return random texts, (count, length)."""
    return torch.randint(11, (count, length), generator=torch.Generator().manual_seed(1))


def loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross entropy of (b, T, 11)."""
    return functional.cross_entropy(scores.flatten(0, 1), targets.flatten())


def normalised(x: list[float], gain: Tensor) -> list[float]:
    """Return (x - mean)/sqrt(variance + 1e-5) times the gain, number by number."""
    mean = sum(x) / len(x)
    variance = sum((a - mean) ** 2 for a in x) / len(x)
    scale = [float(g) / math.sqrt(variance + 1e-5) for g in gain]
    return [(a - mean) * s for a, s in zip(x, scale, strict=True)]


def product(W: Tensor, x: list[float]) -> list[float]:
    """Return W x, number by number."""
    return [sum(w * a for w, a in zip(row, x, strict=True)) for row in W.tolist()]


def softmax(scores: list[float]) -> list[float]:
    """Return exp(s_i)/sum_j exp(s_j)."""
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def mixed(w: dict[str, Tensor], block: str, rows: list[list[float]], heads: int) -> list[float]:
    """Return the attention of the last of some rows to all of them, before the last product."""
    width = len(rows[0])
    size = width // heads
    maps = w[f"{block}.attention.qkv.weight"].view(3, width, width)
    q, k, v = ([product(W, row) for row in rows] for W in maps)
    y: list[float] = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = [
            sum(a * b for a, b in zip(q[-1][part], key[part], strict=True)) / math.sqrt(size)
            for key in k
        ]
        weights = softmax(scores)
        y += [
            sum(p * row[i] for p, row in zip(weights, v, strict=True)) for i in range(width)[part]
        ]
    return y


def by_hand(model: Transformer, tokens: list[int]) -> list[list[float]]:
    """Return the scores (T, vocabulary) of one text by loops over places and numbers."""
    w = {name: p.detach() for name, p in model.named_parameters()}
    rows = [
        (w["tokens.weight"][token] + w["positions.weight"][place]).tolist()
        for place, token in enumerate(tokens)
    ]
    for layer in range(len(model.blocks)):
        block = f"blocks.{layer}"
        into = [normalised(row, w[f"{block}.norm.0.weight"]) for row in rows]
        for t in range(len(rows)):
            y = product(w[f"{block}.attention.out.weight"], mixed(w, block, into[: t + 1], 2))
            rows[t] = [a + b for a, b in zip(rows[t], y, strict=True)]
        for t, row in enumerate(rows):
            h = product(w[f"{block}.up.weight"], normalised(row, w[f"{block}.norm.1.weight"]))
            h = [a * (1 + math.erf(a / math.sqrt(2))) / 2 for a in h]
            y = product(w[f"{block}.down.weight"], h)
            rows[t] = [a + b for a, b in zip(row, y, strict=True)]
    return [product(w["tokens.weight"], normalised(row, w["norm.weight"])) for row in rows]


def test_scores_are_those_of_the_formulas_number_by_number() -> None:
    """Two blocks with two heads agree with loops in plain Python to 1e-12."""
    model, tokens = small(), texts(1, 7)

    scores = model(tokens)[0]

    exact = torch.tensor(by_hand(model, tokens[0].tolist()), dtype=torch.float64)
    torch.testing.assert_close(scores, exact, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("sizes", "parameters", "without_positions"),
    [(CPU, 804_096, 0.80), (GPU, 10_745_088, 10.65)],
)
def test_sizes_are_the_published_ones(
    sizes: dict[str, int], parameters: int, without_positions: float
) -> None:
    """The embedding counts once; .80 and 10.65 million, as nanoGPT counts without positions."""
    with torch.device("meta"):
        model = Transformer(**sizes)
    count = sum(p.numel() for p in model.parameters())

    assert count == parameters
    assert round((count - model.positions.weight.numel()) / 1e6, 2) == without_positions
    layers, width = sizes["layers"], sizes["width"]
    blocks = layers * (12 * width**2 + 2 * width) + width
    assert count == blocks + (sizes["vocabulary"] + sizes["context"]) * width


@torch.no_grad()
def test_a_later_token_changes_no_earlier_score() -> None:
    """Place t sees places up to t: each changed token leaves all scores before it as they were."""
    model, tokens = small(), texts(1, 7)
    before = model(tokens)

    for place in range(7):
        changed = tokens.clone()
        changed[0, place] = (changed[0, place] + 1) % 11
        after = model(changed)
        torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=1e-13)
        differences = (after - before)[0, place:].abs().amax(-1)
        assert float(differences.min()) > 1e-3


@torch.no_grad()
def test_a_text_shorter_than_the_context_has_the_scores_of_its_beginning() -> None:
    """The first four tokens alone score as they do in the whole."""
    model, tokens = small(), texts(2, 7)

    torch.testing.assert_close(model(tokens[:, :4]), model(tokens)[:, :4], rtol=0, atol=1e-13)


def test_one_matrix_embeds_and_classifies() -> None:
    """Its gradient is that of the two uses together, by differences of the loss."""
    model, tokens = small(), texts(2, 7)
    assert [n for n, p in model.named_parameters() if p.shape == (11, 8)] == ["tokens.weight"]
    E = model.tokens.weight
    (g,) = torch.autograd.grad(loss(model(tokens), tokens), E)
    direction = torch.randn(11, 8, generator=torch.Generator().manual_seed(2)).double()
    slope = float((g * direction).sum())

    with torch.no_grad():
        E.add_(direction, alpha=1e-6)
        above = float(loss(model(tokens), tokens))
        E.sub_(direction, alpha=2e-6)
        below = float(loss(model(tokens), tokens))

    assert slope == pytest.approx((above - below) / 2e-6, rel=1e-6)


def test_weights_start_as_published() -> None:
    """Standard deviation .02, of the maps before an addition .02/sqrt(2 layers); gains are 1."""
    torch.manual_seed(0)
    model = Transformer(**CPU)

    for name, parameter in model.state_dict().items():
        if parameter.dim() == 1:
            assert torch.equal(parameter, torch.ones(128)), name
            continue
        is_added = name.endswith((".out.weight", ".down.weight"))
        expected = 0.02 / math.sqrt(8) if is_added else 0.02
        count = parameter.numel()
        # Five standard deviations of a sample's standard deviation and mean.
        assert float(parameter.std()) == pytest.approx(expected, rel=5 / math.sqrt(2 * count)), name
        assert abs(float(parameter.mean())) < 5 * expected / math.sqrt(count), name


@torch.no_grad()
def test_the_first_loss_is_that_of_a_guess() -> None:
    """Scores start near 0, so that the loss is within 2% of log 65."""
    torch.manual_seed(0)
    model = Transformer(**CPU)
    tokens = torch.randint(65, (12, 65), generator=torch.Generator().manual_seed(0))

    f = float(loss(model(tokens[:, :-1]), tokens[:, 1:]))

    assert f == pytest.approx(math.log(65), rel=0.02)


def test_stacks_of_models_are_the_models_one_by_one() -> None:
    """Under `vmap` three models have their own losses and gradients, without a warning."""
    models, tokens = [small(seed) for seed in range(3)], texts(5, 7)
    stacked, buffers = stack_module_state(list[nn.Module](models))
    assert not buffers
    parameters = {name: p.detach() for name, p in stacked.items()}

    def f(named: dict[str, Tensor]) -> Tensor:
        return loss(functional_call(models[0], named, (tokens,)), tokens)

    values, slopes = vmap(f)(parameters), vmap(grad(f))(parameters)

    for i, model in enumerate(models):
        named = dict(model.named_parameters())
        value = loss(model(tokens), tokens)
        torch.testing.assert_close(values[i], value.detach(), rtol=1e-13, atol=0)
        for name, slope in zip(
            named, torch.autograd.grad(value, list(named.values())), strict=True
        ):
            torch.testing.assert_close(slopes[name][i], slope, rtol=0, atol=1e-14)


def test_written_out_attention_is_the_fused_one() -> None:
    """Both give the same mixture and the same gradients."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (
        torch.randn(2, 3, 5, 4, dtype=torch.float64, generator=generator).requires_grad_()
        for _ in range(3)
    )
    weights = torch.randn(2, 3, 5, 4, dtype=torch.float64, generator=generator)

    fused = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    ours = attend(q, k, v)

    torch.testing.assert_close(ours, fused, rtol=0, atol=1e-14)
    for a, b in zip(
        torch.autograd.grad((ours * weights).sum(), (q, k, v)),
        torch.autograd.grad((fused * weights).sum(), (q, k, v)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-14)


@torch.no_grad()
def test_dropout_is_in_training_only_and_everywhere_it_is_published() -> None:
    """It acts on the embeddings, the attention weights and both sums of each block."""
    model = small(dropout=0.5)
    tokens = texts(2, 7)

    assert not torch.equal(model(tokens), model(tokens))
    model.eval()
    assert torch.equal(model(tokens), model(tokens))
    torch.testing.assert_close(model(tokens), small()(tokens), rtol=0, atol=0)
    drops = [name for name, part in model.named_modules() if isinstance(part, nn.Dropout)]
    assert drops == ["drop", "blocks.0.drop", "blocks.1.drop"]
    attention = Attention(8, 2, dropout=0.5)
    x = torch.randn(1, 7, 8)
    assert not torch.equal(attention(x), attention(x))


def test_without_dropout_nothing_is_random() -> None:
    """In training mode the generator is left where it was."""
    model, tokens = small(), texts(2, 7)
    before = torch.get_rng_state()

    model.train()(tokens)

    assert torch.equal(torch.get_rng_state(), before)
