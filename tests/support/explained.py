"""What the tests of explanations share."""

from reference import Reference, examples

from bpcore.explain.render import Table


def make(output="sigmoid", loss="quadratic", hidden="sigmoid", n=6, seed=31, weighted=True):
    reference = Reference.random((3, 5, 4, 2), [hidden, "elu", output], loss, seed=seed)
    X, Y, s = examples(reference, n)
    return reference.network(), X, Y, s + 0.25 if weighted else None


def tables(explanation):
    return [block for block in explanation.blocks if isinstance(block, Table)]
