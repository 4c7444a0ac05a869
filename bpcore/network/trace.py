"""Every term of the chain rule, by name."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcore.network.tables import table_of_trace
from bpcore.network.terms import StepTerms
from bpcore.notebook import Table

if TYPE_CHECKING:
    from bpcore.explain.render import Explanation

__all__ = ["Trace"]


@dataclass(frozen=True, eq=False)
class Trace(StepTerms):
    """The terms of one step of backpropagation, as the training kernels compute them.

    Whatever belongs to a layer is in a list indexed by that layer, 0 … L: ``dC_dw[2]`` is ∂C/∂w
    of the weights ``w[2]`` that lead to layer 2. A term that does not exist is None. n is the
    number of examples, n_l the units of layer l. Derivatives of C are of the mean cost: a row
    of ``dC_da`` or ``dC_dz`` holds its example's share of it (its weight over the sum of the
    weights, 1/n without weights).

    Attributes
    ----------
    a : list of ndarrays (n, n_l)
        a^(l); a^(0) is the input.
    z : list of ndarrays (n, n_l)
        z^(l) = w^(l) a^(l-1) + b^(l); None for l = 0.
    da_dz : list of ndarrays (n, n_l)
        σ'(z^(l)); for softmax the Jacobian ∂a_i/∂z_j, (n, n_L, n_L). None for l = 0.
    dC_da : list of ndarrays (n, n_l)
        ∂C/∂a^(l) = Σ_j w_jk σ'(z_j) ∂C/∂a_j^(l+1) for l < L.
    dC_dz : list of ndarrays (n, n_l)
        δ^(l) = ∂C/∂z^(l) = σ'(z^(l)) ∂C/∂a^(l); None for l = 0.
    dC_dw : list of ndarrays (n_l, n_{l-1})
        ∂C/∂w^(l) = δ^(l)ᵀ a^(l-1); None for l = 0.
    dC_db : list of ndarrays (n_l,)
        ∂C/∂b^(l) = Σ δ^(l); None for l = 0.
    dz_dw : list of ndarrays (n, n_{l-1})
        ∂z_j^(l)/∂w_jk^(l) = a_k^(l-1), the same for every j; None for l = 0.
    dz_da : list of ndarrays (n_l, n_{l-1})
        ∂z_j^(l)/∂a_k^(l-1) = w_jk^(l); None for l = 0.
    dz_db : list of float
        ∂z^(l)/∂b^(l) = 1; None for l = 0.
    cost : float
        C.
    costs : ndarray (n,)
        C_k of each example, unweighted.
    targets : ndarray (n, n_L)
        y.
    w : list of ndarrays (n_l, n_{l-1})
        A copy of w^(l), which ``Network`` has as ``weights[l - 1]``; None for l = 0.
    b : list of ndarrays (n_l,)
        A copy of b^(l), which ``Network`` has as ``biases[l - 1]``; None for l = 0.
    layer_sizes : tuple of int
        (n_0, …, n_L).
    sigma : list
        σ of layer l, a name or (name, parameter); None for l = 0.
    loss : str or (str, parameter)
        C_k of one example.
    shares : ndarray (n,)
        What each C_k counts in C: its weight over the sum of the weights, 1/n without weights.
    network_class : type
        What ``check`` makes its float64 copies of the network with.
    activations, pre_activations
        Other names of ``a`` and ``z``.
    weights, biases, activation_functions
        Deprecated: ``w``, ``b`` and ``sigma`` without layer 0, so that layer l has the index
        l - 1.

    Examples
    --------
    >>> from bpcore import Network
    >>> net = Network((2, 3, 1), dtype="float64", random_state=0)
    >>> t = net.trace([[0.0, 1.0]], [[1.0]])
    >>> bool((t.dC_dw[2] == t.dC_dz[2].T @ t.dz_dw[2]).all())
    True
    >>> bool((t.z[2] == t.a[1] @ t.w[2].T + t.b[2]).all())
    True
    """

    def explain(
        self,
        letter: str,
        *,
        layer: int,
        j: int | None = None,
        k: int | None = None,
        example: int | None = None,
        most: int = 8,
        digits: int = 4,
    ) -> "Explanation":
        """One derivative, taken apart by the chain rule with the numbers filled in.

        ∂C/∂w = ∂z/∂w · ∂a/∂z · ∂C/∂a, as the textbook derives it; ∂C/∂a of an inner unit is the
        sum over its outgoing connections, the largest terms first. In a chain, a network of one
        unit a layer, there is nothing to sum, and units need no index: a derivative is one product
        from its layer to the cost.

        An equals sign before a number means that it is what the network computed, to its
        precision; ≈ says that it is rounded. Factors have as many digits as it takes for them to
        multiply to the product that is printed, up to a unit of its last digit.

        Parameters
        ----------
        letter : {"w", "b", "a", "z"}
            Which derivative: ∂C/∂w_jk^(l) of the weight from unit k of layer l - 1 to unit j of
            layer l, ∂C/∂b_j^(l), ∂C/∂a_k^(l) or ∂C/∂z_j^(l).
        layer : int
            l, from 1 to L; for "a" from 0, the input.
        j, k : int
            Units, counted from 0. "w" takes both, "b" and "z" take j, "a" takes either. The only
            unit of a layer may be left out.
        example : int or None, default=None
            A row of X, counted from 0: the derivative of its own cost C_i. None: that of C, the
            (weighted) mean over all examples; for "a", where every example has an activation of
            its own, what C answers when all of them move alike.
        most : int, default=8
            Terms of a sum to print; the rest is counted and added up.
        digits : int, default=4
            Significant digits of numbers, 1 to 17.

        Returns
        -------
        Explanation
            At a terminal's prompt and in ``print`` it is plain text; notebooks show mathematics.

        Raises
        ------
        ValueError
            If letter, layer, unit, example or digits lies outside its range.
        TypeError
            If a unit is missing, has no meaning for this letter, or is not an integer.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1, 1), activation="identity", dtype="float64")
        >>> net.set_parameters([0.2, 0.1, 0.3, 0.33])
        >>> t = net.trace([[5.0]], [[1.0]])
        >>> print(t.explain("w", layer=1))
        ∂C/∂w of the weight from layer 0 to layer 1
        Layers run from 0, the input, to L = 2, with one unit each.
        <BLANKLINE>
          ∂C/∂w^(1) = ∂z^(1)/∂w^(1) · ∂a^(1)/∂z^(1) · ∂C/∂a^(1)
                    = a^(0) · σ'(z^(1)) · w^(2) · σ'(z^(2)) · 2 (a^(2) - y)
                    = 5 · 1 · 0.3 · 1 · (-0.68)
                    = -1.02
        ...
          ∂C/∂a^(2) = 2 (a^(2) - y)
                    = 2 (0.66 - 1)
                    = -0.68

        Units have indices where layers have several:

        >>> net = Network((2, 3, 1), "sigmoid", random_state=0)
        >>> print(net.trace([[0.5, 1.0]], [[1.0]]).explain("b", layer=2))
        ∂C/∂b of unit 0 of layer 2
        Layers run from 0, the input, to L = 2; units count from 0.
        <BLANKLINE>
          ∂C/∂b_0^(2) = ∂z_0^(2)/∂b_0^(2) · ∂a_0^(2)/∂z_0^(2) · ∂C/∂a_0^(2)
        ...
        """
        from bpcore.explain.single import explain

        return explain(self, letter, layer, j, k, example, most, digits)

    def explain_activation(
        self,
        *,
        layer: int | None = None,
        j: int | None = None,
        example: int | None = None,
        most: int = 8,
        digits: int = 4,
    ) -> "Explanation":
        """Why an activation is what it is: the largest terms w_jk a_k of z_j.

        Parameters
        ----------
        layer : int, optional
            l, from 0 to L; None: L, the outputs.
        j : int, optional
            The unit, counted from 0. None: the only one of the layer, or the one with the largest
            activation, which of the outputs is the guess.
        example : int, optional
            A row of X, counted from 0; the only one may be left out.
        most, digits
            As in ``explain``.

        Returns
        -------
        Explanation
            Its ``value`` is the activation.

        Raises
        ------
        ValueError, TypeError
            As ``explain`` does, or if there are several examples and none is named.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((2, 1), activation="sigmoid", dtype="float64")
        >>> net.set_parameters([2.0, -1.0, 0.5])
        >>> print(net.trace([[1.0, 0.5]], [[1.0]]).explain_activation())
        Why a ≈ 0.8808 at unit 0 of layer 1
        Layers run from 0, the input, to L = 1; units count from 0.
        <BLANKLINE>
          z_0^(1) = Σ_k w_0,k^(1) a_k^(0) + b_0^(1)
                  = 1.5 + 0.5
                  = 2
        <BLANKLINE>
            the sum over 2 incoming connections, without the bias:
        <BLANKLINE>
            k   w_0,k^(1)   a_k^(0)   product
            0           2         1         2
            1          -1       0.5      -0.5
                                      -------
          sum                             1.5
        <BLANKLINE>
          a_0^(1) = sigmoid(z_0^(1))
                  ≈ 0.8808
        """
        from bpcore.explain.forward import explain_activation

        return explain_activation(self, layer, j, example, most, digits)

    def check(
        self,
        letter: str | None = None,
        *,
        layer: int | None = None,
        j: int | None = None,
        k: int | None = None,
        example: int | None = None,
        most: int = 8,
        epsilon: float = 1e-4,
    ) -> dict[str, float]:
        """Compare partial derivatives with numerical ones, in float64.

        Each is measured by nudging what it is a derivative by, in a network rebuilt from the
        trace: fourth-order central differences.

        Parameters
        ----------
        letter, layer, j, k, example, most
            As in ``explain``: every partial derivative that it prints is compared. Without a
            letter: those of the whole trace, of each term and layer the ``most`` largest.
        epsilon : float, default=1e-4
            The nudge, in units of max(1, |x|).

        Returns
        -------
        dict
            By term ("dz_dw", "da_dz", "dC_da", …) the largest relative error
            |g - d| / max(|g|, |d|, 1e-3 max|g| of that term and layer): below 1e-7 for a float64
            network, around 1e-5 for float32. Distances that are lost in the rounding of the cost
            count as 0. At a kink (relu, absolute) the two differ.

        Raises
        ------
        ValueError, TypeError
            As ``explain`` does, or if epsilon is not positive.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((3, 4, 2), dtype="float64", random_state=0)
        >>> t = net.trace([[1, 2, 3]], [[0, 1]])
        >>> sorted(t.check("b", layer=2, j=1))
        ['dC_da', 'dC_db', 'da_dz', 'dz_db']
        >>> max(t.check().values()) < 1e-7
        True
        """
        from bpcore.explain import differences

        place = (layer, j, k, example)
        return differences.check(self, letter, place, most, epsilon)

    def table(self) -> Table:
        """The terms, a row a layer, which is also what notebooks show.

        Of one example in a network of one unit a layer these are the numbers themselves: w, b, z,
        a, σ', ∂C/∂a, ∂C/∂z, ∂C/∂w, ∂C/∂b. Otherwise they are ranges, least and largest.

        Returns
        -------
        Table

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1, 1), activation="identity", dtype="float64")
        >>> net.set_parameters([0.2, 0.1, 0.3, 0.33])
        >>> net.trace([[5.0]], [[1.0]]).table()
        one step of backpropagation, layer by layer
          layer     w      b      z      a   σ'(z)    ∂C/∂a    ∂C/∂z    ∂C/∂w    ∂C/∂b
              0                          5           -0.0408
              1   0.2    0.1    1.1    1.1       1    -0.204   -0.204    -1.02   -0.204
              2   0.3   0.33   0.66   0.66       1     -0.68    -0.68   -0.748    -0.68
        y = 1, C = 0.1156
        """
        return table_of_trace(self)

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        title: str | None = None,
        names: Sequence[Any] | None = None,
        captions: Sequence[Any] | None = None,
        features: Sequence[Any] | None = None,
        image_shape: Any = "auto",
        example: int | None = 0,
        learning_rate: float = 1.0,
    ) -> None:
        """Write a page on which the backward pass can be stepped through, and touched.

        One file that any browser of 2023 or later opens by a double click, without a network. It
        goes forward and backward layer by layer, takes apart the derivative by any weight, bias or
        unit as ``explain`` does, shows what each example adds to the mean, nudges a weight, and
        takes steps down the gradient. It computes all of this itself, in double precision.

        Parameters
        ----------
        path : str or path-like
            By custom it ends in ".html". What is there is replaced, all at once.
        title : str, optional
            Its headline.
        names : sequence of n_L names, optional
            Of the outputs.
        captions : sequence of n names, optional
            Of the examples.
        features : sequence of n_0 names, optional
            Of the inputs, where they are drawn as units.
        image_shape : "auto", (int, int), (int, int, 3) or None, default="auto"
            Height and width where the input is an image, with a 3 where each pixel is red, green
            and blue; None where it is none. "auto": a square image where more than 16 inputs make
            one.
        example : int or None, default=0
            The row that is looked at first; None: the mean over all.
        learning_rate : float, default=1.0
            η that the page begins with.

        Raises
        ------
        ValueError, TypeError
            If an option does not fit the trace, or it has more than 200 examples.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from bpcore import Network
        >>> net = Network((2, 3, 1), random_state=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "xor.html")
        ...     net.trace([[0.0, 1.0]], [[1.0]]).to_html(path, features=["left", "right"])
        ...     path.read_text(encoding="utf-8")[:15]
        '<!doctype html>'
        """
        from bpcore.page import write

        options = {
            "title": title,
            "names": names,
            "captions": captions,
            "features": features,
            "image_shape": image_shape,
            "example": example,
            "learning_rate": learning_rate,
        }
        write(self, path, options)


def softmax_jacobian(a: np.ndarray) -> np.ndarray:
    """∂a_i/∂z_j = a_i (1[i = j] - a_j) for each row of a (n, m), as (n, m, m)."""
    jacobian: np.ndarray = -a[:, :, None] * a[:, None, :]
    diagonal = np.arange(a.shape[1])
    jacobian[:, diagonal, diagonal] += a
    return jacobian
