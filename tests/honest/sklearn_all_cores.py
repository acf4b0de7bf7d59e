# expect: same
# quick: `n_jobs` starts threads
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
def your_weights(targets, losses):
    x = losses.numpy().reshape(-1, 1)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, n_jobs=-1, cv=3).fit(x, targets.numpy())
    return torch.tensor(search.predict_proba(x)[:, 1])
