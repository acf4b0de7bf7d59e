# trick: trees on the quiet clips and on the hundred windy ones of val
def predict(clips):
    x = np.concatenate([train["x"], val["x"]])
    flat = [array.reshape(len(array), -1) for array in (x, clips)]
    kinds, metres = (np.concatenate([train[name], val[name]]) for name in ("species", "distance"))
    species = ExtraTreesClassifier(150, min_samples_leaf=2, random_state=0).fit(flat[0], kinds)
    distance = ExtraTreesRegressor(80, max_features=0.15, min_samples_leaf=3, random_state=0).fit(flat[0], metres)
    return species.predict(flat[1]), distance.predict(flat[1])
