# %% [markdown]
# # {{ title }}
#
# {{ story }} `{{ signature }}`

# %% tags=["parameters"]
FINAL_EVALUATION_MODE = False
DATA_PATH = "empty_data"
PREDICTIONS_PATH = "predictions.npz"
SEED = 0
DEVICE = "auto"

# %% [markdown]
# ## Setup

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import sklearn.metrics
import torch
import torchvision

torch.set_num_threads(1)

# %% [markdown]
# ## Your solution

# %% tags=["slot-imports"]
import numpy as np
import torch


# %% tags=["slot"]
def your_answer(values):
    ### BEGIN SOLUTION
    return values * 2
    ### END SOLUTION
    ### BEGIN BASELINE
    # return values
    ### END BASELINE


# %% [markdown]
# ## Evaluation

# %%
for _ in range(2):
    answer = your_answer(torch.ones(4))
np.savez(PREDICTIONS_PATH, model=np.array([0, 1, 0, 1]))
