"""Compares what cubby learns from features with scikit-learn's LogisticRegression, and its folds
and temperatures with scikit-learn's rules and SciPy's minimiser.

usage: learn_fit_test.py BUILD_DIR [SEED]   exit code 77 if a library is missing
"""
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

try:
    import numpy as np
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.preprocessing import StandardScaler
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

warnings.filterwarnings("ignore", category=FutureWarning)
DUMP = Path(sys.argv[1]) / "learn_dump"
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
failures = 0


def fail(name, what):
    global failures
    failures += 1
    print(f"FAILED {name}: {what} (seed {SEED})")


def dump(mode, path, *arguments):
    result = subprocess.run([DUMP, mode, path, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{mode} {arguments}: {result.stderr.strip()}")
    return [np.array(line.split(), float) for line in result.stdout.splitlines()]


def write(path, x, labels, classes, groups=None, weights=None):
    count, dims = x.shape
    groups = np.arange(count) if groups is None else groups
    weights = np.ones(count) if weights is None else weights
    with open(path, "wb") as file:
        for values, kind in [([count, dims, classes], "<u4"), (labels, "<u4"), (groups, "<u4"),
                             (weights, "<f4"), (x, "<f4")]:
            file.write(np.ascontiguousarray(values, kind).tobytes())


def photos(rng, count, dims, classes, spread, uneven=False):
    """Features like a network's pooled ones: not negative, of very different sizes."""
    shares = rng.dirichlet(np.ones(classes)) if uneven else np.ones(classes) / classes
    labels = np.concatenate([np.arange(classes), rng.choice(classes, count - classes, p=shares)])
    centres = rng.normal(size=(classes, dims)) * spread
    x = np.maximum(rng.normal(size=(count, dims)) + centres[labels], 0)
    return (x * 10 ** rng.uniform(-3, 3, dims)).astype(np.float32), labels


def compare_fit(rng, path, name, count, dims, classes, spread, l2, balanced=False, weighted=False):
    x, labels = photos(rng, count, dims, classes, spread, uneven=balanced)
    new_x, new_labels = x[count // 2:], labels[count // 2:]
    x, labels = x[:count // 2], labels[:count // 2]
    weights = rng.integers(0, 4, len(x)) / 2 if weighted else np.ones(len(x))
    weights[[np.argmax(labels == k) for k in range(classes)]] = 1
    write(path, x, labels, classes, weights=weights)
    head, *rows = dump("fit", path, l2, 1e-7, "balanced" if balanced else "plain")
    weight, bias = np.stack(rows[:-1]), rows[-1]

    # Both normalise with the weights that count in the fit.
    factor = np.ones(classes)
    if balanced:
        sums = np.bincount(labels, weights, classes)
        factor = sums.sum() / (classes * sums)
    total = weights * factor[labels]
    scaler = StandardScaler().fit(x.astype(float), sample_weight=total)
    theirs = LogisticRegression(C=1 / (l2 * total.sum()), tol=1e-9, max_iter=20000,
                                multi_class="multinomial")
    theirs.fit(scaler.transform(x), labels, sample_weight=total)

    ours = weight * scaler.scale_
    bias = bias + weight @ scaler.mean_
    their_weight, their_bias = theirs.coef_, theirs.intercept_
    if classes == 2: # scikit-learn keeps one row of the two, which are each other's negative
        their_weight = np.concatenate([-their_weight, their_weight])
        their_bias = np.concatenate([-their_bias, their_bias])
    worst = np.abs(ours - their_weight).max() / np.abs(their_weight).max()
    worst_bias = np.abs(bias - bias.mean() - their_bias + their_bias.mean()).max()
    if worst > 5e-4:
        fail(name, f"weights differ by {worst:.2g} of the largest")
    if worst_bias > 1e-3 * (1 + np.abs(their_bias).max()):
        fail(name, f"biases differ by {worst_bias:.2g}")

    logits = new_x.astype(float) @ weight.T + rows[-1]
    their_logits = scaler.transform(new_x) @ their_weight.T + their_bias
    answers, their_answers = logits.argmax(1), their_logits.argmax(1)
    differing = np.count_nonzero(answers != their_answers)
    if differing > len(new_x) / 500:
        fail(name, f"{differing} of {len(new_x)} answers differ")
    loss = log_loss(labels, np.exp(log_softmax(x @ weight.T.astype(float) + rows[-1], 1)),
                    sample_weight=total, labels=range(classes))
    if abs(loss - head[1]) > 1e-4 * (1 + loss):
        fail(name, f"says a loss of {head[1]}, and it is {loss}")
    print(f"{name}: {int(head[0])} iterations, weights within {worst:.1g}, accuracy "
          f"{(answers == new_labels).mean():.4f}, scikit-learn's "
          f"{(their_answers == new_labels).mean():.4f}")


def compare_folds(rng, path):
    """Each group in one fold, and each class spread evenly."""
    for case in range(12):
        classes, size = int(rng.integers(2, 8)), int(rng.integers(1, 6))
        groups = rng.integers(0, 100 * classes // size, 100 * classes)
        labels = groups % classes if case % 3 else rng.integers(0, classes, len(groups))
        x = (rng.normal(size=(len(groups), 8)) + np.eye(8)[labels % 8]).astype(np.float32)
        write(path, x, labels, classes, groups)
        chosen, fold = dump("validate", path, "plain")
        if any(len(set(fold[groups == group])) > 1 for group in set(groups)):
            fail("folds", f"a group is torn apart in case {case}")
        counts = np.array([np.bincount(fold[labels == k].astype(int), minlength=5)
                           for k in range(classes)])
        largest = np.bincount(groups).max()
        # Groups of one class can be spread to within the largest one; mixed ones not quite.
        slack = largest if case % 3 else 3 * largest
        if (counts.max(1) - counts.min(1)).max() > slack:
            fail("folds", f"case {case} is uneven: {counts.tolist()}")
        if not 0 <= chosen[2] <= 1 or not np.isfinite(chosen).all():
            fail("folds", f"case {case} gives {chosen}")


def leak(rng, path):
    """Several photos of one item, labels that nothing else tells: only a careless split learns."""
    items, views = 60, 5
    centre = rng.normal(size=(items, 64))
    groups = np.repeat(np.arange(items), views)
    x = (centre[groups] + .1 * rng.normal(size=(len(groups), 64))).astype(np.float32)
    labels = np.concatenate([[0, 1, 2], rng.integers(0, 3, items - 3)])[groups]
    write(path, x, labels, 3, groups)
    honest, careless = (dump("validate", path, how)[0][2] for how in ["plain", "careless"])
    print(f"leak: honest accuracy {honest:.3f}, careless {careless:.3f}")
    if honest > 0.55 or careless < 0.9:
        fail("leak", f"honest accuracy {honest:.3f}, careless {careless:.3f}")


def compare_temperature(rng, path):
    for case in range(10):
        count, classes = int(rng.integers(20, 500)), int(rng.integers(2, 12))
        logits = rng.normal(size=(count, classes)) * 2
        labels = (logits + rng.gumbel(size=logits.shape)).argmax(1)
        logits = (logits * rng.uniform(.1, 8)).astype(np.float32)
        write(path, logits, labels, classes)
        got = dump("temperature", path)[0][0]
        own = logits[np.arange(count), labels].astype(float)
        rest = logits.astype(float)
        rest[np.arange(count), labels] = -np.inf
        mistake = 1 / (2 * count + 1)
        asked = (1 - mistake) * own + mistake * rest.max(1)

        def loss(beta):
            z = beta * logits.astype(float)
            return np.mean(np.log(np.exp(z - z.max(1, keepdims=True)).sum(1)) + z.max(1) -
                           beta * asked)
        want = 1 / minimize_scalar(loss, bounds=(.01, 100), method="bounded",
                                   options={"xatol": 1e-9}).x
        if abs(got - want) > 1e-4 * want:
            fail("temperature", f"{got} instead of {want}")


with tempfile.TemporaryDirectory() as folder:
    rng, path = np.random.default_rng(SEED), Path(folder) / "samples"
    compare_fit(rng, path, "plain", 1200, 64, 5, .35, 1e-2)
    compare_fit(rng, path, "weak", 1000, 30, 4, .2, 1e-4)
    compare_fit(rng, path, "strong", 1000, 100, 3, .2, 10)
    compare_fit(rng, path, "two", 800, 50, 2, .2, 1e-2)
    compare_fit(rng, path, "fewer than dims", 240, 512, 6, .2, 1e-1)
    compare_fit(rng, path, "separable", 400, 300, 10, 1, 1e-2)
    compare_fit(rng, path, "balanced", 1500, 40, 5, .3, 1e-2, balanced=True)
    compare_fit(rng, path, "weighted", 1200, 40, 4, .3, 1e-2, weighted=True)
    compare_fit(rng, path, "both", 1200, 33, 7, .3, 1e-2, balanced=True, weighted=True)
    compare_folds(rng, path)
    leak(rng, path)
    compare_temperature(rng, path)
sys.exit(1 if failures else 0)
