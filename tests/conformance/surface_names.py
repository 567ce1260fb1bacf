"""PyTorch's names that 47 groups of public scripts use, with the number of groups where it was counted (else 0).

Facts about scripts, not a wish list: ``surface.py`` tells how many of them tapegrad has.
"""

from __future__ import annotations


def counted(text: str) -> dict[str, int]:
    """``name 12 other third 3`` as names with their counts."""
    found, last = {}, ""
    for word in text.split():
        if word.isdigit():
            found[last] = int(word)
        else:
            found[word] = 0
            last = word
    return found


TENSOR = counted(
    """
    backward 45 item 43 to 39 view 33 size 31 sum 28 shape 24 data 23 mean 22 detach 22 float 18 unsqueeze 17 max 15
    reshape 15 grad 15 numpy 15 device 15 cpu 14 transpose 14 argmax 13 relu 13 T 13 sqrt 13 squeeze 12 dtype 12
    requires_grad 12 numel 12 t 11 eq 10 fill_ 10 type 10 contiguous 10 clone 9 exp 9 log 9 tolist 9 pow 8 std 8 dim 8
    zero_ 7 masked_fill 7 view_as 6 norm 6 cuda 6 permute 6 flatten 6 copy_ 6 cos 6 scatter 6 abs 6 requires_grad_ 6
    sigmoid 5 long 5 repeat 5 clamp 5 ndim 5 var 5 floor 5 min 5 mm sin clip argmin maximum prod matmul add_ where unique
    softmax expand_as mul_ type_as expand dot stride clamp_ ceil sub is_cuda double narrow new_zeros to_sparse mul
    new_tensor div_ nelement tanh scatter_ index_fill_ bool masked_fill_ ravel storage clamp_min gather
    repeat_interleave cumsum normal_ div mT bmm topk half pin_memory flip log10 retain_grad square bernoulli_ allclose
    argsort cumprod logsumexp isnan histc log1p clamp_max_ lerp_ chunk new_ones addcmul_ addcdiv_ roll minimum new_full
    new uniform_ log2 all storage_offset grad_fn register_hook is_contiguous exp2 log_softmax tril int nonzero
    masked_select ndimension swapaxes sort dist diag det sub_
"""
)

TORCH = counted("""
    no_grad 33 device 28 save 28 manual_seed 28 cat 27 tensor 24 zeros 21 cuda.is_available 20 ones 20 randn 18 load 18
    arange 16 accelerator.current_accelerator 13 accelerator.is_available 12 exp 12 long 12 from_numpy 11 stack 11
    float32 11 sum 10 max 10 multinomial 9 Tensor 9 randint 8 tanh 8 topk 8 LongTensor 7 rand 7 cos sin int64 tril sqrt
    matmul pow zeros_like linspace 6 flatten mm log randperm relu float16 float 5 sigmoid randn_like where eye FloatTensor
    empty ones_like triu Generator float64 mean argmax set_printoptions 4 full diag bfloat16 compile int32 nonzero
    softmax min einsum clamp 3 cuda.device_count cuda.manual_seed cuda.manual_seed_all cuda.synchronize cuda.empty_cache
    cuda.set_device cuda.is_bf16_supported cuda.amp.autocast cuda.amp.GradScaler backends.cudnn backends.mps
    backends.cuda.matmul amp.autocast set_float32_matmul_precision jit.script multiprocessing
    utils.tensorboard.SummaryWriter version __version__ serialization.safe_globals onnx.export
""")

AUTOGRAD = counted("""
    Function grad backward no_grad enable_grad set_grad_enabled inference_mode detect_anomaly set_detect_anomaly
    gradcheck gradgradcheck Variable functional.vjp functional.jvp functional.jacobian functional.hessian functional.hvp
    functional.vhp graph.saved_tensors_hooks graph.save_on_cpu graph.register_multi_grad_hook graph.get_gradient_edge
    graph.Node forward_ad.dual_level
    """)

FUNC = counted("""
    grad grad_and_value vmap vjp jvp jacrev jacfwd hessian functional_call stack_module_state linearize
    """)

MODULE = counted("""
    parameters 44 zero_grad 43 train 31 eval 29 state_dict 26 load_state_dict 15 apply 12 register_buffer 10
    named_parameters 6 children 3 add_module 3 modules 3 named_modules 2 register_forward_hook 1
    register_full_backward_hook 1
    """)

OPTIMIZER = counted("zero_grad 43 step 42 param_groups 7 state_dict load_state_dict add_param_group state")

LAYERS = counted("""
    Module 42 Linear 36 Sequential 21 ModuleList 11 Parameter 10 ModuleDict 6 Flatten 5 Identity 1 ParameterList 1
    ParameterDict Unflatten Bilinear Embedding 13 EmbeddingBag LazyLinear LazyConv1d LazyConv2d LazyConv3d
    LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d
    LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d Conv1d 3 Conv2d 19 Conv3d 1 ConvTranspose1d
    ConvTranspose2d 3 ConvTranspose3d MaxPool1d MaxPool2d 7 MaxPool3d AvgPool1d AvgPool2d AvgPool3d AdaptiveAvgPool1d
    AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d LPPool1d LPPool2d LPPool3d
    MaxUnpool1d MaxUnpool2d MaxUnpool3d FractionalMaxPool2d FractionalMaxPool3d Fold Unfold BatchNorm1d 3 BatchNorm2d 9
    BatchNorm3d SyncBatchNorm LayerNorm 6 GroupNorm 1 InstanceNorm1d InstanceNorm2d 2 InstanceNorm3d RMSNorm
    LocalResponseNorm CrossMapLRN2d ReLU 22 LeakyReLU 7 Sigmoid 8 Tanh 6 Softmax 4 GELU 4 LogSoftmax ELU SELU CELU SiLU
    Mish Softplus Softsign Softmin Softmax2d Softshrink Hardshrink Hardtanh Hardsigmoid Hardswish ReLU6 RReLU PReLU GLU
    LogSigmoid Tanhshrink Threshold MultiheadAttention Dropout 14 Dropout1d Dropout2d 6 Dropout3d AlphaDropout
    FeatureAlphaDropout ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d
    ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d CircularPad1d CircularPad2d
    CircularPad3d PixelShuffle PixelUnshuffle ChannelShuffle Upsample UpsamplingNearest2d UpsamplingBilinear2d RNNBase
    RNN LSTM 4 GRU RNNCellBase RNNCell LSTMCell GRUCell TransformerEncoderLayer TransformerEncoder
    TransformerDecoderLayer TransformerDecoder Transformer 2 CosineSimilarity PairwiseDistance
    AdaptiveLogSoftmaxWithLoss
    """)

UTILS = counted("""
    clip_grad_norm_ 7 clip_grad_value_ parameters_to_vector vector_to_parameters parametrize.register_parametrization
    parametrize.remove_parametrizations parametrizations.weight_norm parametrizations.spectral_norm
    parametrizations.orthogonal prune.l1_unstructured prune.random_unstructured prune.ln_structured
    prune.global_unstructured prune.remove fuse_conv_bn_eval skip_init stateless.functional_call rnn.pad_sequence
    rnn.unpad_sequence rnn.pack_sequence rnn.unpack_sequence rnn.pack_padded_sequence rnn.pad_packed_sequence
    rnn.PackedSequence
    """)

INITIALISATIONS = counted("""
    uniform_ normal_ 9 trunc_normal_ constant_ ones_ zeros_ 9 eye_ dirac_ xavier_uniform_ 5 xavier_normal_
    kaiming_uniform_ kaiming_normal_ orthogonal_ sparse_ calculate_gain kaiming_normal constant normal uniform eye dirac
    xavier_uniform xavier_normal kaiming_uniform orthogonal sparse
    """)

MODULE_PATHS = counted("""
    activation.ReLU conv.Conv2d container.ModuleList container.Sequential linear.Linear
    linear.NonDynamicallyQuantizableLinear activation.MultiheadAttention dropout.Dropout normalization.LayerNorm
    sparse.Embedding rnn.LSTM batchnorm.BatchNorm2d pixelshuffle.PixelShuffle transformer.TransformerEncoder
    transformer.TransformerEncoderLayer
    """)

LOSSES = counted("""
    L1Loss MSELoss 10 CrossEntropyLoss 12 NLLLoss 5 NLLLoss2d BCELoss 5 BCEWithLogitsLoss 4 KLDivLoss 2 SmoothL1Loss
    HuberLoss PoissonNLLLoss GaussianNLLLoss HingeEmbeddingLoss MarginRankingLoss MultiLabelMarginLoss
    MultiLabelSoftMarginLoss MultiMarginLoss SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss
    CosineEmbeddingLoss CTCLoss LinearCrossEntropyLoss AdaptiveLogSoftmaxWithLoss
    """)

OPTIMIZERS = counted("""
    SGD 17 Adam 21 AdamW 10 Adadelta 4 RMSprop 2 Adagrad LBFGS Optimizer Adamax NAdam RAdam ASGD Rprop SparseAdam
    Adafactor Muon contrib.Lion contrib.LAMB contrib.LARS contrib.Lookahead contrib.SAM
    """)

SCHEDULERS = counted("""
    LambdaLR 2 MultiplicativeLR StepLR 6 MultiStepLR 2 ConstantLR LinearLR ExponentialLR 1 PolynomialLR
    CosineAnnealingLR 2 CosineAnnealingWarmRestarts CyclicLR OneCycleLR 1 ReduceLROnPlateau SequentialLR
    ChainedScheduler LRScheduler
    """)

# Group, where the names stand, the names, and the least share that has to be there.
GROUPS: list[tuple[str, str, dict[str, int], float]] = [
    ("Layers", "nn", LAYERS, 1.0),
    ("Losses", "nn", LOSSES, 1.0),
    ("Optimizers", "optim", OPTIMIZERS, 1.0),
    ("Schedulers", "optim.lr_scheduler", SCHEDULERS, 1.0),
    ("Averaging of weights", "optim.swa_utils", {"SWALR": 0, "AveragedModel": 0, "update_bn": 0, "get_ema_multi_avg_fn": 0}, 1.0),
    ("Initialisations", "nn.init", INITIALISATIONS, 1.0),
    ("Methods and attributes of Tensor", "Tensor", TENSOR, 0.98),
    ("Functions of torch", "", TORCH, 0.98),
    ("Derivatives", "autograd", AUTOGRAD, 0.98),
    ("Function transforms", "func", FUNC, 0.98),
    ("Methods of modules", "nn.Module", MODULE, 1.0),
    ("Methods of optimizers", "optim.Optimizer", OPTIMIZER, 1.0),
    ("nn.utils", "nn.utils", UTILS, 0.98),
    ("Paths of modules", "nn.modules", MODULE_PATHS, 0.98),
]  # fmt: skip
