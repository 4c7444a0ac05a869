"""The mistakes that a program makes of the kernels: where, and nowhere else."""

import mutation_lists
import mutation_run
import pytest
from mutants import mutants, place_of

C = """\
/* a + b */
#define TWICE(x) ((x) + (x))
static const int table[2] = {0, 1};
typedef struct { char gap[64]; } apart;
static int one(int n, const double *x)
{
    double sum[4 * 2] = {0}; /* 1 + 1 */
    const char *word = "a + b";
    for (int i = 0; i < n; i++) sum[i] += x[i] - 2.5e-3;
    __builtin_prefetch(x + 1, 0, 3);
    switch (n) {
    case 1: return x->count;
    }
#if 1 + 1
    return n << 1;
#endif
}
"""
CYTHON = '''\
from x cimport y
cdef int SIZE = 1 + 1
def python(a, b):
    return a + b
cdef double two(real_t* x,
                int n) noexcept nogil:
    """a + b"""
    cdef int i, k = n - 1
    cdef double part[8]
    if <double>x[0] < 1.0 and n <= 2:  # 1 + 1
        return -x[k]
    return (<const float*>(x + i))[0] * 0x1p-3

cdef class Three:
    cdef int four(self) noexcept nogil:
        return self.n > 3
    def five(self):
        return 1 + 1
'''


def as_lines(name, text):
    place = place_of(text)
    found = []
    for one in mutants(name, text):
        assert one.of(text) != text
        assert text[one.start :].startswith(one.old)
        found.append((place(one.start)[0], f"{one.old} {one.new}"))
    return found


def test_in_c():
    assert as_lines("one.h", C) == [
        (7, "0 1"),
        (9, "0 1"),
        (9, "< <="),
        (9, "+= -="),
        (9, "- +"),
        (15, "1 0"),
    ]


def test_in_cython():
    assert as_lines("two.pyx", CYTHON) == [
        (8, "- +"),
        (8, "1 0"),
        (10, "0 1"),
        (10, "< <="),
        (10, "1.0 0.0"),
        (10, "<= <"),
        (10, "2 3"),
        (11, "- +"),
        (12, "+ -"),
        (12, "0 1"),
        (16, "> >="),
        (16, "3 4"),
    ]


def test_places():
    place = place_of("ab\nc\n\nd")
    assert [place(at) for at in (0, 1, 3, 6)] == [(1, 1), (1, 2), (2, 1), (4, 1)]


@pytest.fixture
def tree(tmp_path):
    """Two sources with a list each, one of which asks for signs in every run."""
    for folder in ("src/room", "tests/mutations"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src/room/one.h").write_text(C, encoding="utf-8")
    (tmp_path / "src/room/two.pyx").write_text(CYTHON, encoding="utf-8")
    (tmp_path / "tests/mutations/one.h.txt").write_text(
        "= + -\n\n[two: test_a]\n\n- += x[i] - 2.5\n+ += x[i] + 2.5\n? a reason\n\n"
        "- i < n\n+ i < 7\n",
        encoding="utf-8",
    )
    (tmp_path / "tests/mutations/two.pyx.txt").write_text(
        "[test_a test_b]\n\n- n - 1\n+ n - 4\n\n[test_c]\n\n- > 3\n+ > 2\n", encoding="utf-8"
    )
    return tmp_path


def chosen(tree, *given):
    options = mutation_run.arguments([str(tree), *given])
    return [str(one) for one in mutation_run.chosen(tree, options)]


def test_what_a_list_has_is_not_made_again(tree):
    made = {str(change): always for change, always in mutation_lists.generated(tree)}
    assert len(made) == 5 + 12
    assert "one.h:9:49: '-' -> '+'" not in made
    assert [change for change, always in made.items() if always] == []
    listed = mutation_lists.listed(tree)
    assert [(one.file, one.modules, one.tests) for one in listed] == [
        ("one.h", ["two"], ["test_a"]),
        ("one.h", ["two"], ["test_a"]),
        ("two.pyx", ["two"], ["test_a", "test_b"]),
        ("two.pyx", ["two"], ["test_c"]),
    ]


def test_the_nearest_group_is_asked_first(tree):
    made = {str(change): change for change, _ in mutation_lists.generated(tree)}
    assert made["two.pyx:11:16: '-' -> '+'"].tests == ["test_a", "test_b"]
    assert made["two.pyx:16:23: '>' -> '>='"].tests == ["test_c"]
    assert made["two.pyx:16:23: '>' -> '>='"].others == (("two",), ("test_a", "test_b", "test_c"))


def test_choices(tree):
    assert len(chosen(tree, "--sample", "0")) == 4
    assert len(chosen(tree, "--sample", "3")) == 7
    assert chosen(tree, "--sample", "3") == chosen(tree, "--sample", "3")
    assert chosen(tree, "--sample", "3") != chosen(tree, "--sample", "3", "--seed", "2")
    assert len(chosen(tree, "--all")) == 4 + 17
    assert chosen(tree, "--all", "two.pyx:16") == [
        "two.pyx:16:23: '>' -> '>='",
        "two.pyx:16:25: '3' -> '4'",
    ]
    text = (tree / "tests/mutations/two.pyx.txt").read_text(encoding="utf-8")
    (tree / "tests/mutations/two.pyx.txt").write_text("= >\n" + text, encoding="utf-8")
    assert "two.pyx:16:23: '>' -> '>='" in chosen(tree, "--sample", "0")
