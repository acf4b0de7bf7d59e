# trick: the net of the example, with the most frequent vote
def solve(train, test):
    labels = np.stack([(train["votes"] == topic).sum(axis=1) for topic in range(TOPIC_COUNT)], axis=1).argmax(axis=1)
    net = fit_net(BagNet(), encode(train["letters"]), torch.eye(TOPIC_COUNT)[labels])
    with torch.no_grad():
        return net(encode(test["letters"])).argmax(dim=1).numpy()
