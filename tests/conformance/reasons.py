"""Why names of PyTorch's are absent, by pattern: the first that fits ``room.name`` (``name`` alone under torch)."""

from __future__ import annotations

# Whole rooms.
ROOM_REASONS: dict[str, str] = {
    "distributed": "several machines are reached through MPI, not through this interface",
    "package": "code is shipped as Python packages",
    "library": "new operations are registered with @primitive",
    "export": "programs are exported as NumPy source or ONNX",
    "fx": "programs are traced with tapegrad.trace",
    "mps": "no Apple GPU",
    "xpu": "no Intel GPU",
    "nested": "ragged arrays are no arrays of NumPy's; use pad_sequence or PackedSequence",
    "profiler": "step times come with compiled steps and the run folder",
}

REASONS: list[tuple[str, str]] = [
    (
        "(AliasDb|Argument|ArgumentSpec|Benchmark.*|Block|BufferDict|CallStack|Capsule|Code|CompilationUnit|CompleteArgumentSpec"
        "|ConcreteModule.*|DeepCopyMemoTable|ErrorReport|ExecutionPlan|FileCheck|FunctionSchema|Future|Gradient|Graph|GraphExecutor.*"
        "|LockingLogger|LoggerBase|ModuleDict|NoopLogger|OperatorInfo|ParameterDict|PyTorchFile.*|StaticModule|Tag|TracingState|Use"
        "|Value|parse_type_comment|.*\\.FileCheck)",
        "TorchScript and its types",
    ),
    ("(Disable.*|Dispatch.*|ExcludeDispatch.*|PRIVATE_OPS|USE_.*|classproperty|init_num_threads|prepare_.*|return_types|hash_tensor|.*\\.hash_tensor)", "an internal of PyTorch's"),
    ("(AVG|SUM|segment_reduce|saddmm|.*resize_as_sparse_|Stream|Event|convolution|binomial|quasirandom)", "an internal, or a function without a page in PyTorch's documentation"),
    ("batch_norm_(elemt|gather_stats.*|stats|update_stats)", "kernels of batch norm over several GPUs"),
    ("(ao|bit|newaxis_|per_channel.*|per_tensor.*|nn\\.intrinsic|nn\\.qat)", "quantised arithmetic has no NumPy kernels"),
    (".*(_notes|TYPE_CHECKING|BroadcastingList\\d|GRID_SAMPLE_.*|assert_int_or_pair|handle_torch_function|has_torch_function.*|common_types|factory_kwargs)", "an import or a text of PyTorch's own source"),
    ("(fft|nn\\.functional)\\.(Tensor|grad)", "an import or a text of PyTorch's own source"),
    ("nn\\.functional\\.scaled_(grouped_)?mm", "only for numbers of eight bits on a GPU"),
    ("Tensor\\.(eig|lstsq|solve|symeig|resize|resize_as|index|to_padded_tensor)", "removed from PyTorch, where it only raises an error, or an internal"),
    ("utils\\.data\\.(.*DataPipe.*|DataChunk|.*datapipe.*|argument_validation|non_deterministic|runtime_validation.*)", "data pipes have left PyTorch"),
    ("utils\\.data\\.DistributedSampler", "several machines are reached through MPI, which has its own sampler"),
    ("utils\\.checkpoint\\..*", "selective recomputation; checkpoint and checkpoint_sequential are there"),
    ("serialization\\..*", "an internal of PyTorch's files; load, save and safe_globals are there"),
    ("overrides\\..*", "other libraries' tensors are not dispatched upon"),
    ("onnx\\..*", "an internal of PyTorch's exporter; export is there"),
    ("masked\\..*|masked", "a prototype of PyTorch's: where() and the reductions say the same"),
    ("accelerator\\..*|backends\\..*", "there is no such device here: NumPy computes on the CPU"),
    ("autograd\\.(NestedIOFunction|enforce_grad_layout_policy|grad_mode|set_multithreading_enabled)|autograd\\.graph\\..*(stream|region|mutation).*", "an internal of PyTorch's engine"),
    ("func\\.rearrange|optim\\.swap_.*|random\\.thread.*|nn\\.Module\\.(T_destination|call_super_init|dump_patches)", "an internal of PyTorch's"),
    (r".*(quant|Quant|qint|quint|q_scale|q_zero|q_per|int_repr|fbgemm|qscheme|fake_quant|choose_qparams).*", "quantised arithmetic has no NumPy kernels"),
    (r".*(cuda|Cuda|CUDA|cudnn|miopen|mkldnn|nccl|_cufft|xpu|XPU|mps|MPS|vulkan|xla|hip|mtia|ipu|maia|hpu|privateuse).*", "there is no such device here: NumPy computes on the CPU"),
    (r"(jit|compiler|export|fx)\..*", "there is no TorchScript; steps are compiled to NumPy source"),
    (r"(?i).*(jit|script|graph_?module|torchscript|fork$|wait$|import_ir|parse_ir|parse_schema|merge_type|type_?parser).*|.*Type$", "TorchScript and its types"),
    (r".*(sparse_cs|sparse_bs|ccol_|crow_|col_indices|row_indices|to_sparse_|_sparse_compressed|sparse_compressed|semi_structured|hspmm|sspaddmm|smm$|sparse_resize|sparse_dim|dense_dim).*", "of sparse layouts there is COO, as far as graph networks use it"),
    (r".*(bits\d|float8|float4|uint[1-7]$|int[1-7]$|complex32|ComplexHalf|chalf|bfloat16|BFloat16).*", "NumPy has no such dtype"),
    (r".*(names|align_to|align_as|rename|refine_names|unflatten_names|align_tensors|has_names|NamedTuple).*", "named dimensions were an experiment that PyTorch itself leaves alone"),
    (r"([A-Z]\w*Error|.*Exception)", "errors have kinds of their own, which subclass Python's"),
    (r"[a-z]\w*_(copy|backward|forward)|.*(native_|unsafe_|convolution_overrideable|_backward_).*", "an internal of PyTorch's dispatcher; the function without the suffix is there"),
    (r".*(storage|Storage).*", "memory is a NumPy array"),
    (r".*(dynamo|inductor|aot|dispatch|dispatcher|vmap_internals|functorch|meta_registrations|prims).*", "an internal of PyTorch's"),
    (r".*(profil|autograd\.(profiler|kineto)|monitor|mobile|classes|ops$|hub|futures|package|distributed|rpc|deploy).*", "machinery around PyTorch that scripts for a CPU do not need"),
    (r".*(module_load|set_module_name|_is_zerotensor|ipc_|record_stream|retain_grad_|reinforce|dim_order|__dlpack).*", "an internal of PyTorch's"),
    (r"(sym_|Sym)\w+", "symbolic shapes of PyTorch's compiler"),
    (r".*(from_file|read_vitals|set_vitals|vitals_enabled|nuclear_norm|frobenius_norm|cudnn_|conv_tbc|quantized|embedding_renorm).*", "an internal that the layer or the public function stands for"),
]  # fmt: skip
