# stronger: the reference, then three rounds of expectation-maximisation over what each volunteer says of each topic
class ClauseNet(nn.Module):
    """Weigh the clauses of a letter, and mix the topics that each of them is about."""

    def __init__(self, size=16):
        super().__init__()
        self.vectors = nn.EmbeddingBag(BUCKETS + 1, size, mode="mean", padding_idx=0)
        self.topic, self.weight = nn.Linear(size, TOPIC_COUNT), nn.Linear(size, 1)

    def forward(self, inputs):  # (n, clauses, pieces)
        vectors = self.vectors(inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])  # (n, clauses, size)
        weights = self.weight(vectors).masked_fill(inputs[:, :, :1] == 0, -1e4)
        mixed = torch.log_softmax(weights, dim=1) + torch.log_softmax(self.topic(vectors), dim=2)
        return torch.logsumexp(mixed, dim=1)  # (n, 5)


def encode_clauses(letters):
    """Return the pieces of each clause, (n, clauses, pieces)."""
    split = [[encode([clause])[0] for clause in letter.split(", ")] for letter in letters]
    most, longest = max(map(len, split)), max(len(row) for rows in split for row in rows)
    inputs = torch.zeros(len(split), most, longest, dtype=torch.int64)
    for number, rows in enumerate(split):
        for place, row in enumerate(rows):
            inputs[number, place, : len(row)] = row
    return inputs


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
