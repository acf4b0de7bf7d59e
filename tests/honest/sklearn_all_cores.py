# expect: same
# quick: `n_jobs` starts threads
# home: slow
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
def search(x, y, jobs):
    return GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, n_jobs=jobs, cv=3).fit(x, y).predict_proba(x)[:, 1]
def your_weights(targets, losses):
    x, y = losses.numpy().reshape(-1, 1), targets.numpy()
    weights = search(x, y, -1)
    assert np.array_equal(weights, search(x, y, 1))
    return torch.tensor(weights)
