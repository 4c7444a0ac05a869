"""The report on tables: errors, log-losses, seconds, and how the learners stand in the mean."""

from collections import defaultdict
from statistics import fmean, geometric_mean

import numpy as np
from data import SUITE
from learners import LEARNERS

__all__ = ["report"]

# What the errors are divided by.
_BASE = "RealMLP_TD_S"


def _means(lines: list[dict], key: str) -> dict[str, dict[str, float]]:
    """table → learner → the mean over its splits."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in lines:
        if key in one:
            found[one["table"]][one["learner"]].append(one[key])
    return {
        table: {learner: fmean(numbers) for learner, numbers in by_learner.items()}
        for table, by_learner in found.items()
    }


def _table(means: dict[str, dict[str, float]], learners: list[str], form: str) -> list[str]:
    rows = [f"| | {' | '.join(learners)} |", "|---" * (len(learners) + 1) + "|"]
    for table in (name for name in (*SUITE, *sorted(set(means) - set(SUITE))) if name in means):
        there = means[table]
        best = min(there.values())
        cells = [
            "" if one not in there
            else f"**{there[one]:{form}}**" if there[one] == best and form != ".1f"
            else f"{there[one]:{form}}"
            for one in learners
        ]  # fmt: skip
        rows.append(f"| {table} | {' | '.join(cells)} |")
    return rows


def _ranks(means: dict[str, dict[str, float]], learners: list[str]) -> dict[str, float]:
    """The mean rank over the tables that all have been tried on; ties share theirs."""
    ranks = defaultdict(list)
    for there in means.values():
        if all(one in there for one in learners):
            numbers = np.array([there[one] for one in learners])
            for one, number in zip(learners, numbers, strict=True):
                below, same = (numbers < number).sum(), (numbers == number).sum()
                ranks[one].append(below + (same + 1) / 2)
    return {one: fmean(numbers) for one, numbers in ranks.items()}


def report(lines: list[dict]) -> str:
    """Markdown of all results."""
    learners = [one for one in LEARNERS if any(line["learner"] == one for line in lines)]
    error, loss = _means(lines, "error"), _means(lines, "log_loss")
    seconds = _means(lines, "cpu_seconds")
    text = ["Error rate (of a regression RMSE over the standard deviation):", ""]
    text += [*_table(error, learners, ".4f"), "", "Log-loss:", "", *_table(loss, learners, ".3f")]
    text += ["", "Processor seconds of the fit:", "", *_table(seconds, learners, ".1f"), ""]
    everywhere = [one for one in learners if all(one in there for there in error.values())]
    ranks = _ranks(error, everywhere)
    text += [
        f"| over all tables | mean rank | error / {_BASE}'s: mean, geometric | mean log-loss | "
        f"seconds / {_BASE}'s |",
        "|---|---|---|---|---|",
    ]
    for one in learners:
        both = [there for there in error.values() if one in there and _BASE in there]
        ratios = [max(there[one], 1e-9) / max(there[_BASE], 1e-9) for there in both]
        times = [t for t in seconds.values() if one in t and _BASE in t]
        ratio = f"{fmean(ratios):.3f}, {geometric_mean(ratios):.3f}" if ratios else ""
        losses = [there[one] for there in loss.values() if one in there]
        complete = len(losses) == len(loss)
        taken = sum(t[one] for t in times) / sum(t[_BASE] for t in times) if times else None
        rank = f"{ranks[one]:.2f}" if one in ranks else ""
        text.append(
            f"| {one} | {rank} | {ratio} | {f'{fmean(losses):.3f}' if complete else ''} | "
            f"{'' if taken is None else f'{taken:.2f}'} |"
        )
    return "\n".join(text) + "\n"
