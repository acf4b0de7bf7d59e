# stronger: the reference, then three rounds of expectation-maximisation over what each volunteer says of each topic
# with: clauses
def believe(votes, guesses, rounds=3):
    """Return the probabilities (n, 5) of topics after the votes; guesses (n, 5) are those of the letters alone.

    Dawid and Skene 1979, "Maximum likelihood estimation of observer error-rates using the EM algorithm", with a net as the prior
    of each letter, as in Rodrigues and Pereira 2018, "Deep learning from crowds".
    """
    posterior = guesses
    for _ in range(rounds):
        logs = np.log(guesses + 1e-6)
        for reader in range(votes.shape[1]):
            read = votes[:, reader] >= 0
            said = votes[read, reader]
            counts = np.stack([posterior[read][said == topic].sum(axis=0) for topic in range(TOPIC_COUNT)], axis=1) + 0.5
            logs[read] += np.log(counts / counts.sum(axis=1, keepdims=True))[:, said].T
        posterior = np.exp(logs - logs.max(axis=1, keepdims=True))
        posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior


def solve(train, test):
    inputs, asked = encode_clauses(train["letters"]), encode_clauses(test["letters"])
    votes = np.stack([(train["votes"] == topic).sum(axis=1) for topic in range(TOPIC_COUNT)], axis=1)
    targets = votes / votes.sum(axis=1, keepdims=True)
    for _ in range(3):
        net = fit_net(ClauseNet(), inputs, torch.tensor(targets, dtype=torch.float32))
        with torch.no_grad():
            targets = believe(train["votes"], net(inputs).exp().double().numpy())
            print("volunteers: " + " ".join(f"{agreement(train['votes'][:, reader], targets):.2f}" for reader in range(6)))
    with torch.no_grad():
        return net(asked).argmax(dim=1).numpy()


def agreement(votes, beliefs):
    """Return how much a volunteer's votes are believed on average."""
    read = np.flatnonzero(votes >= 0)
    return beliefs[read, votes[read]].mean()
