# stronger: expectation-maximisation over the kinds of callers that data.py draws
def _hits(p):
    return np.where(np.arange(VALLEYS) == 0, p, (1 - p) / (VALLEYS - 1))


_PRANK = np.where(np.arange(VALLEYS) == 1, 0.8 + 0.2 / VALLEYS, 0.2 / VALLEYS)
_ANY = np.full(VALLEYS, 1 / VALLEYS)
KINDS = np.array([  # by day and at night: how probable it is that a call is 0, 1, ... valleys behind the right one
    [_hits(0.75)] * 2, [_hits(0.5)] * 2, [_hits(0.85), _hits(0.15)], [_hits(0.15), _hits(0.85)], [_PRANK] * 2, [_ANY] * 2,
])
SHARES = np.array([1, 1, 1, 1, 1, 3]) / 8


def choose_valley(observation):
    searched, found = observation["searched"], observation["found"]
    nights = observation["past_nights"].astype(int)
    behind = (observation["past_calls"][:, :, None] - np.arange(VALLEYS)) % VALLEYS  # (t, 8, valleys)
    known = np.eye(VALLEYS)[searched]
    possible = np.where(found[:, None], known, 1 - known)
    likely = KINDS[:, nights][:, np.arange(len(nights))[:, None, None], behind]  # (kinds, t, 8, valleys)
    kinds = np.tile(SHARES, (len(observation["calls"]), 1))
    for _ in range(4):
        logs = np.log(np.einsum("ak,ktav->tav", kinds, likely)).sum(axis=1)
        belief = possible * np.exp(logs - logs.max(axis=1, keepdims=True))
        belief /= belief.sum(axis=1, keepdims=True)
        fit = np.einsum("tv,ktav->ak", belief, np.log(likely)) + np.log(SHARES)
        kinds = np.exp(fit - fit.max(axis=1, keepdims=True))
        kinds /= kinds.sum(axis=1, keepdims=True)
    now = (observation["calls"][:, None] - np.arange(VALLEYS)) % VALLEYS
    chances = np.einsum("ak,ko->ao", kinds, KINDS[:, int(observation["night"])])
    return int(np.log(np.take_along_axis(chances, now, axis=1)).sum(axis=0).argmax())
