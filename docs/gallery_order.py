"""The order of the gallery: from the recogniser to the tables to what moves."""

ORDER = [
    "recogniser",
    "tabular_classification",
    "tabular_regression",
    "prediction_intervals",
    "online_learning",
    "pendulum_control",
    "potential_forces",
    "moving_from_scikit_learn",
    "one_weight_explained",
    "backward_pass_page",
    "vanishing_gradients",
    "descent_surface",
    "descent_film",
]


class Order:
    """Sphinx-Gallery's sort key for the scripts of a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name):
        """Where a script stands; one that the list lacks is an error."""
        return ORDER.index(name.removesuffix(".py"))
