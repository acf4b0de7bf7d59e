# idea: a net that weighs clauses, with the most frequent vote
# with: clauses
def solve(train, test):
    labels = np.stack([(train["votes"] == topic).sum(axis=1) for topic in range(TOPIC_COUNT)], axis=1).argmax(axis=1)
    net = fit_net(ClauseNet(), encode_clauses(train["letters"]), torch.eye(TOPIC_COUNT)[labels])
    with torch.no_grad():
        return net(encode_clauses(test["letters"])).argmax(dim=1).numpy()
