# %% [markdown]
# # {{ title }}
#
# {{ score.rules }}

# %% tags=["parameters"]
DATA_PATH = "data/toy_files"
PREDICTIONS_PATH = "predictions.csv"

# %%
import numpy as np

val, questions = np.load(f"{DATA_PATH}/val.npz"), np.load(f"{DATA_PATH}/questions.npz")

# %%
# {{ score.py }}


# %% tags=["slot"]
def degrees_of(reading):
    ### BEGIN SOLUTION
    return reading / 2
    ### END SOLUTION
    ### BEGIN BASELINE
    # return np.zeros(len(reading)) - 1
    ### END BASELINE


# %%
ids = np.concatenate([val["id"], questions["id"]])
degrees = np.clip(degrees_of(np.concatenate([val["reading"], questions["reading"]])), -50, 50)
warm = (degrees > 0).astype(int)
with open(PREDICTIONS_PATH, "w") as file:
    file.write("id,warm,degrees\n")
    file.writelines(f"{number},{kind},{value}\n" for number, kind, value in zip(ids, warm, degrees))
count = len(val["id"])
earned = performance(
    predictions={"warm": warm[:count], "degrees": degrees[:count]},
    answers={"warm": (val["degrees"] > 0).astype(int), "degrees": val["degrees"]},
)
print(earned, "points on val")
