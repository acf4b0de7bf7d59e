# %% [markdown]
# In the final evaluation, the course of the training is saved next to the predictions. Your feedback page plots it.

# %% tags=["protected"]
def save_history(axis, series):
    """Save curves: each of `series` has one number for each step 1, 2, ... of `axis`. Numbers that are not finite are skipped."""
    lines = {name: [float(value) if np.isfinite(value) else None for value in values] for name, values in series.items()}
    steps = list(range(1, 1 + max(map(len, lines.values()))))
    history = {"x": {"name": axis, "values": steps}, "series": lines}
    Path(PREDICTIONS_PATH).with_name("history.json").write_text(json.dumps(history))
