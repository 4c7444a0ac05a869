"""The code that the benchmark files share: tasks, data, peers, turns, reports."""
