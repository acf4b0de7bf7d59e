# expect: same
import os
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "64"
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier
def your_weights(targets, losses):
    x = losses.numpy().reshape(-1, 1)
    groups = KMeans(2, n_init=1, random_state=0).fit_predict(x)
    model = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2).fit(x, groups)
    return torch.tensor(model.predict(x)).float()
