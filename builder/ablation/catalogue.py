"""Every technique that a recipe can switch, one row each; a new one needs a row here and nothing else."""

from __future__ import annotations

from builder.ablation.technique import Network, Patch, Technique

OF_PRUNED: frozenset[Network] = frozenset({"student"})
OF_STUDENT: frozenset[Network] = frozenset({"unpruned", "student"})
OF_TEACHERS: frozenset[Network] = frozenset({"member", "ensemble"})
OF_ENSEMBLE: frozenset[Network] = frozenset({"ensemble", "unpruned", "student"})


TUNING: Patch = {"epochs": 3, "learning_rate": 1e-4}
PROBE: Patch = {"epochs": 9, "learning_rate": 1e-3, "batch": 32, "weight_decay": 0.05}
REAL: Patch = {"scenes": None}
"""Rows whose networks are trained whole leave drawn clips out, in both states: half as many clips in an epoch."""
TUNED: Patch = {**REAL, "members.tune": TUNING, "members.backbone.frozen": 5, "members.curriculum": None}
"""Tuned members in all rows but the ones that measure it, so that these share their other state."""
CLOSE_UP: Patch = {"preprocessing.close_up": {"canvas": [240, 320], "share": 0.4}}


def _everywhere(key: str, value: object) -> Patch:
    """The same value in the training of every head."""
    return {f"members.probe.{key}": value, f"student.probe.{key}": value}


CATALOGUE: tuple[Technique, ...] = (
    Technique(
        "second-difference",
        "second difference of three frames, against the grey picture",
        "decision 30 of this project",
        {"preprocessing.channels": ["acceleration"]},
        {"preprocessing.channels": ["grey"]},
    ),
    Technique(
        "second-over-first",
        "second difference of three frames, against the first",
        "decision 30 of this project",
        {"preprocessing.channels": ["acceleration"], "preprocessing.difference_gain": 4.0},
        {"preprocessing.channels": ["diff_forward"], "preprocessing.difference_gain": 2.0},
    ),
    Technique(
        "appearance",
        "the grey picture beside the second difference",
        "Simonyan & Zisserman, Two-stream convolutional networks (2014), fused at the input",
        {"preprocessing.channels": ["acceleration", "grey"]},
        {"preprocessing.channels": ["acceleration"]},
    ),
    Technique(
        "three-differences",
        "both first differences beside the second",
        "decision 30 of this project",
        {"preprocessing.channels": ["diff_forward", "acceleration", "diff_back"]},
        {"preprocessing.channels": ["acceleration"]},
    ),
    Technique(
        "close-up",
        "the window that moves most beside the whole picture",
        "decision 37 of this project",
        {**CLOSE_UP, "members.variants": []},
        {"preprocessing.close_up": None, "members.variants": []},
    ),
    Technique(
        "tuning",
        "the whole network tuned after its head, against the head alone",
        "Kumar et al., Fine-tuning can distort pretrained features (2022)",
        {**TUNED, "student.tune": TUNING},
        {**REAL, "members.tune": None, "student.tune": None},
    ),
    Technique(
        "frozen-stem",
        "stem and first five blocks of tuned members kept as pretrained",
        "Yosinski et al., How transferable are features in deep neural networks? (2014)",
        TUNED,
        {**TUNED, "members.backbone.frozen": 0},
        OF_TEACHERS,
    ),
    Technique(
        "curriculum",
        "members tuned on the easiest half of each class first",
        "Hacohen & Weinshall, On the power of curriculum learning (2019)",
        {**TUNED, "members.alignment": None, "members.curriculum": {}},
        TUNED,
        OF_TEACHERS,
    ),
    Technique(
        "mixed-precision",
        "members tuned in half floats where there is a GPU; a processor keeps to float32",
        "Micikevicius et al., Mixed precision training (2018)",
        {**TUNED, "members.precision": "auto"},
        {**TUNED, "members.precision": None},
        OF_TEACHERS,
    ),
    Technique(
        "recurrent-head",
        "members with a BiLSTM and attention, against convolutions over time",
        "Zhou et al., Attention-based bidirectional LSTM networks (2016)",
        {"members.head": "bilstm"},
        {"members.head": "tcn"},
        OF_TEACHERS,
    ),
    Technique(
        "pooled-moments",
        "mean, spread and change over time under one linear layer, against a BiLSTM and attention",
        "Snyder et al., X-vectors (2018)",
        {"members.head": "moments", "student.head": "moments"},
        {"members.head": "bilstm", "student.head": "tcn"},
    ),
    Technique(
        "root",
        "square roots of members' pooled features",
        "Perronnin et al., Improving the Fisher kernel (2010)",
        {"members.backbone.root": True},
        {"members.backbone.root": None},
        OF_TEACHERS,
    ),
    Technique(
        "focal-loss",
        "what is already told apart counts less",
        "Lin et al., Focal loss for dense object detection (2017)",
        _everywhere("focal", {"gamma": 2.0}),
        _everywhere("focal", None),
    ),
    Technique(
        "class-weights",
        "classes weighed inversely to their shares",
        "King & Zeng, Logistic regression in rare events data (2001)",
        _everywhere("class_weights", "balanced"),
        _everywhere("class_weights", None),
    ),
    Technique(
        "oversampling",
        "clips of the rarer class drawn again, transformed more strongly",
        "Buda, Maki & Mazurowski, A systematic study of the class imbalance problem (2018)",
        {"oversampling": {"ratio": 1.0, "heavier": 1.5}},
        {"oversampling": None},
    ),
    Technique(
        "mixup",
        "embeddings blended in pairs",
        "Verma et al., Manifold mixup (2019)",
        _everywhere("mixing", {"mixup": 0.2}),
        _everywhere("mixing", None),
    ),
    Technique(
        "cutmix",
        "a stretch of another clip's embeddings cut in",
        "Yun et al., CutMix (2019)",
        _everywhere("mixing", {"cutmix": 1.0}),
        _everywhere("mixing", None),
    ),
    Technique(
        "stochastic-averaging",
        "weights at the ends of the last three epochs averaged, against the moving average",
        "Izmailov et al., Averaging weights leads to wider optima (2018)",
        _everywhere("swa", {"epochs": 3, "learning_rate": 5e-4}),
        _everywhere("swa", None),
    ),
    Technique(
        "early-stopping",
        "training judged, and ended, by sources held out of it",
        "Prechelt, Early stopping, but when? (1998)",
        {"validation": {"share": 0.15}, **_everywhere("stopping", {"patience": 3})},
        {"validation": None, **_everywhere("stopping", None)},
    ),
    Technique(
        "weight-averaging",
        "exponential moving average of the weights",
        "Polyak & Juditsky, Acceleration of stochastic approximation by averaging (1992)",
        _everywhere("averaging", 0.98),
        _everywhere("averaging", 0.0),
    ),
    Technique(
        "label-smoothing",
        "labels of 0.95 and 0.05",
        "Szegedy et al., Rethinking the Inception architecture (2016)",
        _everywhere("label_smoothing", 0.1),
        _everywhere("label_smoothing", 0.0),
    ),
    Technique(
        "scenes",
        "drawn clips beside the real ones in training",
        "this project's scenes",
        {"scenes": {"clips": 300, "calm": 900, "seconds": 3.0, "seed": 1, "weight": 0.03, "shown": 200}},
        {"scenes": None},
    ),
    Technique(
        "scene-labels",
        "members that learn from no scene, of which the teacher says the label",
        "decision 50 of this project",
        {"scenes.margin": 2.0},
        {"scenes.margin": None},
    ),
    Technique(
        "calm-scenes",
        "further drawn clips without a fight",
        "this project's scenes",
        {"scenes.calm": 900},
        {"scenes.calm": 0},
        OF_STUDENT,
    ),
    Technique(
        "zoom",
        "a part of the picture in the place of all of it",
        "Szegedy et al., Going deeper with convolutions (2015)",
        {"augmentation.zoom": 0.75},
        {"augmentation.zoom": 1.0},
    ),
    Technique(
        "flip",
        "mirrored views",
        "Krizhevsky et al., ImageNet classification with deep CNNs (2012)",
        {"augmentation.flip": 0.5},
        {"augmentation.flip": 0.0},
    ),
    Technique(
        "speed",
        "clips played faster and slower",
        "Epstein et al., SpeedNet (2020), as augmentation",
        {"augmentation.speed": 0.1},
        {"augmentation.speed": 0.0},
    ),
    Technique(
        "light",
        "contrast and brightness changed",
        "Howard, Some improvements on deep CNN based image classification (2013)",
        {"augmentation.contrast": 0.3, "augmentation.brightness": 25.0},
        {"augmentation.contrast": 0.0, "augmentation.brightness": 0.0},
    ),
    Technique(
        "gain",
        "differences made stronger and weaker",
        "this project: cameras differ in contrast of motion",
        {"augmentation.gain": 0.3},
        {"augmentation.gain": 0.0},
    ),
    Technique(
        "noise",
        "grain of a sensor",
        "Sietsma & Dow, Creating artificial neural networks that generalize (1991)",
        {"augmentation.noise": 4.0},
        {"augmentation.noise": 0.0},
    ),
    Technique(
        "reverse",
        "time reversed",
        "Misra et al., Shuffle and learn (2016), as augmentation",
        {"augmentation.reverse": 0.3},
        {"augmentation.reverse": 0.0},
    ),
    Technique(
        "frame-dropout",
        "frames that repeat the one before",
        "this project: cameras drop frames",
        {"augmentation.temporal": {"drop": 0.2}},
        {"augmentation.temporal": None},
    ),
    Technique(
        "frame-rate",
        "clips seen as by slower cameras",
        "this project: cameras differ in frame rate",
        {"augmentation.temporal": {"lowest_rate_hz": 10.0}},
        {"augmentation.temporal": None},
    ),
    Technique(
        "rotation",
        "pictures turned by up to five degrees",
        "Simard et al., Best practices for convolutional neural networks (2003)",
        {"augmentation.geometric": {"rotation": 5.0}},
        {"augmentation.geometric": None},
    ),
    Technique(
        "gamma",
        "light raised to another power",
        "Hendrycks & Dietterich, Benchmarking neural network robustness (2019)",
        {"augmentation.photometric": {"gamma": 0.3}},
        {"augmentation.photometric": None},
    ),
    Technique(
        "compression",
        "views coded as JPEG of low quality",
        "Hendrycks & Dietterich, Benchmarking neural network robustness (2019)",
        {"augmentation.photometric": {"compression": 0.5}},
        {"augmentation.photometric": None},
    ),
    Technique(
        "screen-recordings",
        "half of the views from copies recorded off a drawn recorder's wall",
        "Liu, Shu & Wu, Demoiréing of camera-captured screen images (2018)",
        {"degradation": {}},
        {"degradation": None, "members.alignment": None},
    ),
    Technique(
        "alignment",
        "tuned members whose encoder leaves a classifier of clean and degraded windows guessing",
        "Ganin et al., Domain-adversarial training of neural networks (2016)",
        {**TUNED, "degradation": {}, "members.alignment": {}},
        {**TUNED, "degradation": {}, "members.alignment": None},
        OF_TEACHERS,
    ),
    Technique(
        "quality",
        "clips left out that are small, dark, still or coded too hard, copies and cameras under two names",
        "Wang et al., No-reference quality of JPEG images (2002); Zauner, Perceptual image hash functions (2010)",
        {"quality": {}},
        {"quality": None},
    ),
    Technique(
        "calibration-shift",
        "probabilities scaled and shifted, against scaled alone",
        "Platt, Probabilistic outputs for support vector machines (1999), against Guo et al. (2017)",
        {"calibration.method": "platt"},
        {"calibration.method": "temperature"},
    ),
    Technique(
        "short-windows",
        "windows that are not yet full, as after a camera wakes",
        "this project: the agent's first verdicts",
        {"augmentation.short": 0.15},
        {"augmentation.short": 0.0},
    ),
    Technique(
        "ensemble",
        "three members in the place of one, which differ by seed alone",
        "Lakshminarayanan et al., Simple and scalable predictive uncertainty (2017)",
        {"members.head": "bilstm", "members.variants": [], "members.seeds": [1, 2, 3]},
        {"members.head": "bilstm", "members.variants": [], "members.seeds": [1]},
        OF_ENSEMBLE,
    ),
    Technique(
        "looks",
        "beside each member one that looks closer and at more pixels",
        "decision 40 of this project",
        {"members.variants": [{"name": "wide"}, {"name": "near", "size": [160, 160], "share": 0.3}], **CLOSE_UP},
        {"members.variants": [], **CLOSE_UP},
        OF_ENSEMBLE,
    ),
    Technique(
        "stacking",
        "members weighed by sources held out of training, against all alike",
        "Breiman, Stacked regressions (1996)",
        {"validation": {"share": 0.15}, "members.averaging": "stacked"},
        {"validation": {"share": 0.15}, "members.averaging": None},
        OF_ENSEMBLE,
    ),
    Technique(
        "distillation",
        "0.7 of the loss from the teacher's softened probabilities",
        "Hinton et al., Distilling the knowledge in a neural network (2015)",
        {"student.distillation.soft": 0.7},
        {"student.distillation.soft": 0.0},
        OF_STUDENT,
    ),
    Technique(
        "slimming",
        "57 of a hundred multiply-adds of the student's encoder gone with their channels, the head learnt anew",
        "Kurtić et al., ZipLM (2023); Luo et al., ThiNet (2017)",
        {**REAL, "slimming": {"keep": 0.43, "probe": PROBE}, "pruning": None},
        {**REAL, "slimming": None, "pruning": None},
        OF_PRUNED,
    ),
    Technique(
        "pruning",
        "55 weights of a hundred set to zero, against as much training without",
        "Zhu & Gupta, To prune, or not to prune (2017)",
        {**REAL, "pruning.sparsity": 0.55},
        {**REAL, "pruning.sparsity": 0.0},
        OF_PRUNED,
    ),
    Technique(
        "clustering",
        "32 values in each kernel of the pruned encoder",
        "Han et al., Deep compression (2016)",
        {**REAL, "clustering": {"values": 32, "probe": PROBE}},
        {**REAL, "clustering": None},
        OF_PRUNED,
    ),
    Technique(
        "hint",
        "embeddings held near those before pruning",
        "Romero et al., FitNets: Hints for thin deep nets (2015)",
        {**REAL, "pruning.hint": 1.0},
        {**REAL, "pruning.hint": 0.0},
        OF_PRUNED,
    ),
    Technique(
        "head-anew",
        "the head learnt anew on the pruned encoder",
        "Kumar et al., Fine-tuning can distort pretrained features (2022), after pruning",
        {**REAL, "pruning.probe": PROBE},
        {**REAL, "pruning.probe": None},
        OF_PRUNED,
    ),
)
