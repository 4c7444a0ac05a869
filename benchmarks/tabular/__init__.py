"""The comparison on tables: data sets, learners, one fit in a process of its own."""
