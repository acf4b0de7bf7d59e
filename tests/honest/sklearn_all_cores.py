# expect: same
# quick: `n_jobs` starts threads
# home: slow
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
def your_weights(targets, losses):
    x, y = losses.numpy().reshape(-1, 1), targets.numpy()
    settings = LogisticRegression(), {"C": [0.1, 1.0]}
    weights = GridSearchCV(*settings, n_jobs=-1, cv=3).fit(x, y).predict_proba(x)[:, 1]
    assert np.array_equal(weights, GridSearchCV(*settings, cv=3).fit(x, y).predict_proba(x)[:, 1])
    return torch.tensor(weights)
