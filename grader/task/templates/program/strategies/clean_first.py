# stronger: labels that the neighbours contradict are dropped, and a support vector machine learns from the others
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC


def solve(train_x, train_y, test_x):
    votes = KNeighborsClassifier(20).fit(train_x, train_y).predict_proba(train_x)  # (n, 10)
    kept = votes[np.arange(len(train_y)), train_y] >= 0.5 * votes.max(axis=1)
    return SVC(C=3).fit(train_x[kept], train_y[kept]).predict(test_x)
