# trick: each image gets the label of most of its five nearest neighbours
from sklearn.neighbors import KNeighborsClassifier


def solve(train_x, train_y, test_x):
    return KNeighborsClassifier(5).fit(train_x, train_y).predict(test_x)
