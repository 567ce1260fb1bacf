"""Expressions for functions of modules, data, transforms of functions and distributions."""

from __future__ import annotations


def over(form, inputs):
    return [form.replace("X", x) for x in inputs]


FUNCTIONALS = {
    "affine_grid": over("F.affine_grid(X)", ["d[:, :2, :3], (2, 1, 4, 5)", "d[:, :2, :3], [2, 1, 3, 3], align_corners=True", "d[:1, :2, :3], torch.Size((1, 2, 2, 2)), align_corners=False", "d[:1, :3, :4], (1, 1, 2, 2, 2)", "a, (1, 1, 2, 2)"]),
    "fold": over("F.fold(X)", ["e.reshape(2, 12, 5)[:, :, :4], (3, 3), 2", "e.reshape(1, 12, 10)[:, :, :9], (4, 4), (2, 2)", "e.reshape(2, 12, 5)[:, :, :4], (4, 4), 2, stride=2", "e.reshape(12, 10)[:, :9], (4, 4), 2", "e.reshape(2, 12, 5), (4, 4), 2"]),
    "gumbel_softmax": over("F.gumbel_softmax(X)", ["a", "a, 0.5", "a, hard=True", "a, dim=0", "v, tau=2"]),
    "lp_pool1d": over("F.lp_pool1d(X)", ["d, 2, 2", "d, 2.0, 3, stride=1", "d, 1, 2, ceil_mode=True", "a, 2, 2", "d, 3, 2"]),
    "lp_pool2d": over("F.lp_pool2d(X)", ["e, 2, 2", "e, 2.0, 3, stride=1", "e, 1, (2, 3), ceil_mode=True", "d, 2, 2", "e, 3, 2"]),
    "lp_pool3d": over("F.lp_pool3d(X)", ["q, 2, 2", "q, 2.0, 3, stride=1", "q, 1, (2, 3, 1)", "q[0], 2, 2", "q, 3, 2"]),
    "celu_": over("F.celu_(X)", ["a.detach()", "f", "f, 2.0", "v.detach(), alpha=0.5", "a"]),
    "elu_": over("F.elu_(X)", ["a.detach()", "f", "f, 2.0", "v.detach(), alpha=0.5", "a"]),
    "hardtanh_": over("F.hardtanh_(X)", ["a.detach()", "f", "f, -0.5, 0.5", "v.detach(), max_val=0.5", "a"]),
    "leaky_relu_": over("F.leaky_relu_(X)", ["a.detach()", "f", "f, 0.3", "v.detach(), negative_slope=0.5", "a"]),
    "relu_": over("F.relu_(X)", ["a.detach()", "f", "i", "v.detach()", "a"]),
    "selu_": over("F.selu_(X)", ["a.detach()", "f", "d.detach()", "v.detach()", "a"]),
    "threshold_": over("F.threshold_(X)", ["a.detach(), 0.0, 1.0", "f, 0.1, 20.0", "v.detach(), 0, 0", "d.detach(), -1, -1.0", "a, 0, 0"]),
    "upsample": over("F.upsample(X)", ["e, scale_factor=2", "e, (5, 7)", "e, size=6, mode='bilinear'", "d, scale_factor=2, mode='linear', align_corners=True", "q, 6, mode='trilinear'"]),
    "dropout1d": over("F.dropout1d(X)", ["d, 0.5, False", "d, 0.0", "d, training=False", "d, p=1.0", "d, 1.5"]),
    "pad": over("F.pad(X)", ["a, (1, 2)", "a, (1, 0, 2, 1), 'constant', 3.0", "d, (1, 1), mode='reflect'", "d, (1, 1), mode='replicate'", "e, (1, 1, 2, 2), mode='circular'", "a, (-1, 1)", "a, (1, 2, 3)"]),
    "one_hot": over("F.one_hot(X)", ["k", "k, 5", "k.reshape(1, 3)", "torch.tensor(2)", "k, 2"]),
    "has_torch_function": over("hasattr(F, X)", ["'relu'", "'no_such_name'", "'scaled_dot_product_attention'", "'interpolate'", "'ctc_loss'"]),
}  # fmt: skip

PACK = "x = nn.utils.rnn.pack_padded_sequence(e.reshape(5, 3, 8), [5, 3, 2])"
MODEL = "torch.manual_seed(0); l = nn.Linear(4, 3).double(); l.load_state_dict({'weight': a.detach(), 'bias': m.detach()[0]}); (l(v) ** 2).sum().backward()"
UTILS = {
    "clip_grad_norm_": [f"{MODEL}; n = nn.utils.clip_grad_norm_(l.parameters(), {o}); [n.detach(), *(p.grad for p in l.parameters())]" for o in ("1.0", "0.1, norm_type=1", "2.0, float('inf')", "1e6", "max_norm=1.0, norm_type=3.0, foreach=False", "1.0, error_if_nonfinite=True")],
    "clip_grad_value_": [f"{MODEL}; nn.utils.clip_grad_value_(l.parameters(), {o}); [p.grad for p in l.parameters()]" for o in ("1.0", "0.1", "clip_value=0.5", "10", "0.0")],
    "get_total_norm": over("nn.utils.get_total_norm(X)", ["[a, b]", "[a, v], 1.0", "[a], norm_type=float('inf')", "[]", "[a, b, v], error_if_nonfinite=True"]),
    "clip_grads_with_norm_": [f"{MODEL}; nn.utils.clip_grads_with_norm_(l.parameters(), {o}); [p.grad for p in l.parameters()]" for o in ("1.0, torch.tensor(3.0)", "0.1, torch.tensor(2.0)", "9.0, torch.tensor(2.0)", "1, total_norm=torch.tensor(4.0)", "1.0, torch.tensor(1.0), foreach=False")],
    "parameters_to_vector": over("nn.utils.parameters_to_vector(X)", ["[a, b]", "[a, v]", "[s.reshape(1)]", "nn.Linear(2, 3).parameters()", "(x for x in [m, v])"])[:3] + ["nn.utils.parameters_to_vector(nn.Linear(2, 3).parameters()).shape", "nn.utils.parameters_to_vector((x for x in [m, v]))"],
    "vector_to_parameters": ["l = nn.Linear(2, 3); nn.utils.vector_to_parameters(torch.arange(9.0), l.parameters()); [p.detach() for p in l.parameters()]", "l = nn.Linear(1, 1); nn.utils.vector_to_parameters(torch.ones(2), l.parameters()); l(torch.ones(1)).detach()", "x = [m.detach().clone(), v.detach().clone()]; nn.utils.vector_to_parameters(torch.arange(13.0).double(), x); x", "nn.utils.vector_to_parameters([1.0], [v.detach()])", "x = [v.detach().clone()]; nn.utils.vector_to_parameters(w.detach(), x); x"],
    "rnn.pad_sequence": over("nn.utils.rnn.pad_sequence(X)", ["[v, v[:2]]", "[v, v[:2]], True", "[a, m[:, :1].expand(3, 4)[:2]], padding_value=-1.0", "[v[:1], v], batch_first=True, padding_value=3", "[v, v[:2]], padding_side='left'", "(v, w[:3])"]),
    "rnn.pack_padded_sequence": ["nn.utils.rnn.pack_padded_sequence(e.reshape(5, 3, 8), [5, 3, 2])", "nn.utils.rnn.pack_padded_sequence(e.reshape(5, 3, 8), torch.tensor([5, 5, 1]))", "nn.utils.rnn.pack_padded_sequence(e.reshape(3, 5, 8), [5, 3, 2], batch_first=True)", "nn.utils.rnn.pack_padded_sequence(e.reshape(5, 3, 8), [2, 5, 3], enforce_sorted=False)", "nn.utils.rnn.pack_padded_sequence(e.reshape(5, 3, 8), [2, 5, 3])", "nn.utils.rnn.pack_padded_sequence(e.reshape(5, 3, 8), [2, 0, 0])"],
    "rnn.pad_packed_sequence": [f"{PACK}; nn.utils.rnn.pad_packed_sequence(x)", f"{PACK}; nn.utils.rnn.pad_packed_sequence(x, batch_first=True)", f"{PACK}; nn.utils.rnn.pad_packed_sequence(x, padding_value=-1.0)", f"{PACK}; nn.utils.rnn.pad_packed_sequence(x, total_length=7)", f"{PACK}; nn.utils.rnn.pad_packed_sequence(x, total_length=2)"],
    "rnn.pack_sequence": over("nn.utils.rnn.pack_sequence(X)", ["[v, v[:2]]", "[v[:2], v], False", "[a, a[:1]]", "[v[:2], v]", "[v, w, v[:1]]"]),
    "rnn.unpack_sequence": [f"{PACK}; nn.utils.rnn.unpack_sequence(x)", "nn.utils.rnn.unpack_sequence(nn.utils.rnn.pack_sequence([v, v[:2]]))", "nn.utils.rnn.unpack_sequence(nn.utils.rnn.pack_sequence([v[:2], v], False))", "nn.utils.rnn.unpack_sequence(nn.utils.rnn.pack_sequence([a, a[:1]]))", "nn.utils.rnn.unpack_sequence(nn.utils.rnn.pack_sequence([v]))"],
    "rnn.unpad_sequence": over("nn.utils.rnn.unpad_sequence(X)", ["a.detach(), torch.tensor([3, 2, 1, 1])", "a.detach(), torch.tensor([2, 4, 1]), True", "d.detach(), torch.tensor([1, 2, 2])", "a.detach(), torch.tensor([3, 3, 3, 3]), batch_first=False", "a.detach(), torch.tensor([1, 1, 1]), batch_first=True"]),
    "rnn.invert_permutation": over("nn.utils.rnn.invert_permutation(X)", ["k", "None", "torch.tensor([1, 0])", "torch.tensor([0])", "torch.tensor([3, 1, 0, 2])"]),
    "rnn.PackedSequence": [f"{PACK}; x.data", f"{PACK}; x.batch_sizes", f"{PACK}; x.to(torch.float32).data.dtype", f"{PACK}; x.sorted_indices", f"{PACK}; x.is_cuda", f"{PACK}; len(x)", f"{PACK}; x.float().data"],
}  # fmt: skip

SET = "s = torch.utils.data.TensorDataset(a.detach(), i)"
DATA = {
    "TensorDataset": [f"{SET}; len(s)", f"{SET}; s[1]", f"{SET}; s[-1]", "torch.utils.data.TensorDataset(a, v)", f"{SET}; s[0:2]"],
    "DataLoader": [f"{SET}; list(torch.utils.data.DataLoader(s))", f"{SET}; list(torch.utils.data.DataLoader(s, 2))", f"{SET}; list(torch.utils.data.DataLoader(s, batch_size=2, drop_last=True))", f"{SET}; len(torch.utils.data.DataLoader(s, batch_size=2))", f"{SET}; list(torch.utils.data.DataLoader(s, batch_size=None))", f"{SET}; sum(len(x) for x, _ in torch.utils.data.DataLoader(s, 2, shuffle=True))", f"{SET}; torch.utils.data.DataLoader(s, 2, shuffle=True, sampler=[0])", f"{SET}; list(torch.utils.data.DataLoader(s, sampler=[2, 0], batch_size=2))", f"{SET}; list(torch.utils.data.DataLoader(s, batch_sampler=[[0, 1], [2]]))", f"{SET}; list(torch.utils.data.DataLoader(s, 3, collate_fn=len))", f"{SET}; torch.utils.data.DataLoader(s, batch_size=0)", "list(torch.utils.data.DataLoader([{'x': 1, 'y': 2.5}, {'x': 3, 'y': 4.5}], 2))", "list(torch.utils.data.DataLoader([(1, 'p'), (2, 'q')], 2))"],
    "Subset": [f"{SET}; torch.utils.data.Subset(s, [2, 0])[0]", f"{SET}; len(torch.utils.data.Subset(s, [2, 0]))", f"{SET}; torch.utils.data.Subset(s, range(2))[1]", f"{SET}; torch.utils.data.Subset(s, [1]).indices", f"{SET}; torch.utils.data.Subset(s, [1])[4]"],
    "ConcatDataset": [f"{SET}; len(torch.utils.data.ConcatDataset([s, s]))", f"{SET}; torch.utils.data.ConcatDataset([s, s])[4]", f"{SET}; (s + s)[-1]", "torch.utils.data.ConcatDataset([])", f"{SET}; torch.utils.data.ConcatDataset([s, s]).cumulative_sizes"],
    "StackDataset": [f"{SET}; torch.utils.data.StackDataset(s, s)[0]", f"{SET}; len(torch.utils.data.StackDataset(s, s))", f"{SET}; torch.utils.data.StackDataset(x=s)[1]", "torch.utils.data.StackDataset()", f"{SET}; torch.utils.data.StackDataset([1, 2], [3])"],
    "random_split": [f"{SET}; [len(x) for x in torch.utils.data.random_split(s, [2, 1])]", f"{SET}; [len(x) for x in torch.utils.data.random_split(s, [0.7, 0.3])]", f"{SET}; torch.utils.data.random_split(s, [2, 2])", f"{SET}; sorted(torch.utils.data.random_split(s, [3])[0].indices)", f"{SET}; [len(x) for x in torch.utils.data.random_split(s, [1, 1, 1], generator=torch.Generator().manual_seed(1))]"],
    "SequentialSampler": over("list(torch.utils.data.SequentialSampler(X))", ["[1, 2, 3]", "range(5)", "'abc'", "[]", "[0]"]),
    "RandomSampler": over("sorted(torch.utils.data.RandomSampler(X))", ["[1, 2, 3]", "range(5)", "'abc'"]) + ["len(torch.utils.data.RandomSampler(range(4), replacement=True, num_samples=9))", "torch.utils.data.RandomSampler([1], num_samples=0)", "torch.utils.data.RandomSampler([])"],
    "SubsetRandomSampler": over("sorted(torch.utils.data.SubsetRandomSampler(X))", ["[1, 2, 3]", "[4]", "[]", "range(3)", "(7, 8)"]),
    "WeightedRandomSampler": ["len(list(torch.utils.data.WeightedRandomSampler([1, 2, 3], 5)))", "list(torch.utils.data.WeightedRandomSampler([0.0, 1.0], 4))", "sorted(torch.utils.data.WeightedRandomSampler([1.0, 1.0, 1.0], 3, replacement=False))", "torch.utils.data.WeightedRandomSampler([1.0], 0)", "len(torch.utils.data.WeightedRandomSampler([1.0], 7))"],
    "BatchSampler": over("list(torch.utils.data.BatchSampler(X))", ["range(5), 2, False", "range(5), 2, True", "[3, 1], batch_size=1, drop_last=False", "range(3), 5, False", "range(3), 0, False"]),
    "default_collate": over("torch.utils.data.default_collate(X)", ["[1, 2]", "[1.5, 2.5]", "[a.detach(), b.detach()]", "[{'x': 1}, {'x': 2}]", "[(1, 2.0), (3, 4.0)]", "['p', 'q']", "[np.ones(2), np.zeros(2)]", "[[1, 2], [3, 4]]", "[(1,), (2, 3)]", "[None]"]),
    "default_convert": over("torch.utils.data.default_convert(X)", ["[1, 2]", "np.ones(2)", "{'x': np.arange(2)}", "'p'", "(np.int64(3), 2)"]),
}  # fmt: skip

CONTAINERS = {
    "ModuleList": ["len(nn.ModuleList([nn.ReLU(), nn.Tanh()]))", "repr(nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()]))", "l = nn.ModuleList(); l.append(nn.Linear(2, 1)); list(l.state_dict())", "repr(nn.ModuleList([nn.ReLU(), nn.Tanh()])[1:])", "l = nn.ModuleList([nn.ReLU()]); l.extend([nn.Tanh()]); l.insert(0, nn.Sigmoid()); repr(l)", "nn.ModuleList([nn.ReLU()])[3]", "l = nn.ModuleList([nn.ReLU(), nn.Tanh()]); l.pop(0); repr(l)", "nn.ModuleList([1])"],
    "ModuleDict": ["len(nn.ModuleDict({'x': nn.ReLU()}))", "repr(nn.ModuleDict({'x': nn.ReLU(), 'y': nn.Linear(2, 1)}))", "list(nn.ModuleDict({'x': nn.Linear(2, 1)}).state_dict())", "list(nn.ModuleDict([['x', nn.ReLU()], ['y', nn.Tanh()]]).keys())", "l = nn.ModuleDict({'x': nn.ReLU()}); l.update({'y': nn.Tanh()}); 'y' in l", "nn.ModuleDict({'x': nn.ReLU()})['z']", "nn.ModuleDict({1: nn.ReLU()})"],
    "ParameterList": ["len(nn.ParameterList([f, f]))", "repr(nn.ParameterList([f, torch.ones(2)]))", "list(nn.ParameterList([f]).state_dict())", "nn.ParameterList([f])[0].requires_grad", "l = nn.ParameterList(); l.append(torch.ones(2)); len(l)", "nn.ParameterList(5)"],
    "ParameterDict": ["len(nn.ParameterDict({'x': f}))", "repr(nn.ParameterDict({'x': f}))", "list(nn.ParameterDict({'x': f}).state_dict())", "nn.ParameterDict({'x': f})['x'].requires_grad", "l = nn.ParameterDict(); l['y'] = torch.ones(2); list(l.keys())", "nn.ParameterDict({'x': f})['z']"],
    "Parameter": ["nn.Parameter(f).requires_grad", "nn.Parameter(f, requires_grad=False).requires_grad", "nn.Parameter().shape", "isinstance(nn.Parameter(f), torch.Tensor)", "nn.Parameter(f).is_leaf", "nn.Parameter(i)", "nn.Parameter(nn.Parameter(f)).detach()"],
    "Buffer": ["nn.Buffer(f).requires_grad", "nn.Buffer(f).shape", "isinstance(nn.Buffer(f), torch.Tensor)", "l = nn.Module(); l.x = nn.Buffer(f); list(l.state_dict())", "l = nn.Module(); l.x = nn.Buffer(f, persistent=False); list(l.state_dict())"],
    "Module": ["repr(nn.Module())", "l = nn.Module(); l.x = nn.Parameter(f); list(l.state_dict())", "l = nn.Module(); l.x = nn.Linear(2, 3); [n for n, _ in l.named_parameters()]", "l = nn.Linear(2, 3); l.eval().training", "nn.Module()(1)", "l = nn.Sequential(nn.Linear(2, 3), nn.ReLU()); [n for n, _ in l.named_modules()]", "l = nn.Linear(2, 3); l.load_state_dict({'weight': torch.ones(3, 2)})", "l = nn.Linear(2, 3); str(l.load_state_dict({'weight': torch.ones(3, 2)}, strict=False))", "l = nn.Module(); l.register_buffer('x', f); list(l.buffers())", "l = nn.Module(); l.y", "l = nn.Linear(2, 3); sum(p.numel() for p in l.parameters())", "l = nn.Linear(2, 2).double(); l.weight.dtype", "l = nn.Linear(2, 3); l.requires_grad_(False); l.bias.requires_grad", "l = nn.Module(); l.register_parameter('x', f)", "l = nn.Linear(2, 2).half(); l.weight.dtype", "nn.Linear(2, 2).load_state_dict({'weight': torch.ones(3, 2), 'bias': torch.ones(2)})", "nn.Linear(2, 3).get_submodule('x')", "l = nn.Linear(2, 3); l.to('cpu').weight.device", "nn.Linear(2, 3).extra_repr()"],
    "RNNBase": ["repr(nn.RNNBase('LSTM', 3, 4))", "list(nn.RNNBase('GRU', 3, 4, 2, bidirectional=True).state_dict())", "nn.RNNBase('XX', 3, 4)", "nn.RNNBase('LSTM', 3, 0)", "nn.RNNBase('LSTM', 3, 4, dropout=2)"],
    "DataParallel": ["nn.DataParallel(nn.Linear(4, 2)).module.in_features", "list(nn.DataParallel(nn.Linear(4, 2)).state_dict())", "nn.DataParallel(nn.Linear(4, 2))(f).shape", "nn.DataParallel(nn.ReLU())(a)", "isinstance(nn.DataParallel(nn.ReLU()), nn.Module)"],
}  # fmt: skip


def function_transform(name, calls):
    return [f"torch.func.{name}({c}" for c in calls]


CUBE = "lambda x: (x ** 3).sum()"
TRANSFORMS = {
    "func": {
        "grad": function_transform("grad", [f"{CUBE})(a)", "lambda x, y: (x * y * y).sum(), argnums=1)(a, b)", "lambda x, y: (x * y).sum(), argnums=(0, 1))(a, b)", "lambda x: (x.sin().sum(), x * 2), has_aux=True)(v)", "torch.func.grad(lambda x: x.sin()))(s)", "lambda x: x)(v)"]),
        "grad_and_value": function_transform("grad_and_value", [f"{CUBE})(a)", "lambda x, y: (x * y).sum(), argnums=1)(a, b)", "lambda x: (x.exp().sum(), x), has_aux=True)(v)", "lambda x: x.sin())(s)", "lambda x: (x * v).sum())(w)"]),
        "vjp": ["f = torch.func.vjp(lambda x: x.sin(), a); f[1](b)", "f = torch.func.vjp(lambda x: (x * 2, x.exp()), v); f[1]((v, w))", "torch.func.vjp(lambda x: x @ x.T, a)[0]", "f = torch.func.vjp(lambda x, y: x * y, a, b); f[1](a)", "f = torch.func.vjp(lambda x: (x * 2, x), v, has_aux=True); [f[0], f[2]]"],
        "jvp": ["torch.func.jvp(lambda x: x.sin(), (a,), (b,))", "torch.func.jvp(lambda x, y: x * y, (a, b), (b, a))", "torch.func.jvp(lambda x: (x * x).sum(), (v,), (w,))", "torch.func.jvp(lambda x: (x * 2, x.exp()), (v,), (w,))", "torch.func.jvp(lambda x: (x * 2, x), (v,), (w,), has_aux=True)"],
        "jacrev": function_transform("jacrev", ["lambda x: x.sin())(v)", "lambda x: x @ m, argnums=0)(m)", "lambda x, y: x * y, argnums=1)(v, w)", "lambda x, y: x * y, argnums=(0, 1))(v, w)", "lambda x: (x * x).sum())(a)"]),
        "jacfwd": function_transform("jacfwd", ["lambda x: x.sin())(v)", "lambda x: x @ m, argnums=0)(m)", "lambda x, y: x * y, argnums=1)(v, w)", "lambda x, y: x * y, argnums=(0, 1))(v, w)", "lambda x: (x * x).sum())(a)"]),
        "hessian": function_transform("hessian", [f"{CUBE})(v)", "lambda x: (x @ m @ x))(m[0])", "lambda x, y: (x * y * x).sum(), argnums=1)(v, w)", "lambda x: x.sin().sum())(a)", "lambda x: x ** 3)(s)"]),
        "vmap": ["torch.vmap(lambda x: x.sum())(a)", "torch.vmap(torch.dot)(a, b)", "torch.vmap(lambda x, y: x * y, in_dims=(0, None))(a, v)", "torch.vmap(lambda x: x * 2, in_dims=1, out_dims=1)(a)", "torch.func.vmap(torch.func.grad(lambda x: (x ** 2).sum()))(a)", "torch.vmap(lambda x: (x.sum(), x.max()))(a)", "torch.vmap(lambda x: x @ m.T)(m)", "torch.vmap(torch.vmap(lambda x: x * 2))(d)", "torch.vmap(lambda x: x, in_dims=(0, 0))(a)", "torch.vmap(lambda x: x.softmax(0), chunk_size=2)(a)"],
        "functional_call": ["l = nn.Linear(4, 3).double(); torch.func.functional_call(l, {'weight': a, 'bias': m[0]}, (v,))", "l = nn.Linear(4, 3).double(); torch.func.functional_call(l, {'weight': a, 'bias': m[0]}, v)", "l = nn.Sequential(nn.Linear(4, 3).double(), nn.ReLU()); torch.func.functional_call(l, {'0.weight': a, '0.bias': m[0]}, (v,))", "l = nn.Linear(4, 3); torch.func.functional_call(l, {'wrong': a}, (v,))", "l = nn.Linear(4, 3).double(); torch.func.functional_call(l, ({'weight': a}, {'bias': m[0]}), (b,))"],
        "linearize": ["o, f = torch.func.linearize(lambda x: x.sin(), a.detach()); f(b)", "torch.func.linearize(lambda x: x.exp(), v)[0]", "o, f = torch.func.linearize(lambda x, y: x * y, v.detach(), w.detach()); f(w, v)", "o, f = torch.func.linearize(lambda x: (x * x).sum(), v.detach()); f(w)", "o, f = torch.func.linearize(lambda x: x @ m, m.detach()); f(m)"],
        "stack_module_state": ["x = torch.func.stack_module_state([nn.Linear(2, 3), nn.Linear(2, 3)]); {k: p.shape for k, p in x[0].items()}", "torch.func.stack_module_state([])", "torch.func.stack_module_state([nn.Linear(2, 3), nn.Linear(2, 4)])", "len(torch.func.stack_module_state([nn.BatchNorm1d(2)])[1])", "x = torch.func.stack_module_state([nn.Linear(2, 3)]); x[0]['weight'].requires_grad"],
    },
    "autograd": {
        "grad": ["torch.autograd.grad((a * b).sum(), a)", "torch.autograd.grad((a * b).sum(), [a, b])", "torch.autograd.grad(a * b, a, grad_outputs=b)", "torch.autograd.grad(a.sum(), b)", "torch.autograd.grad(a.sum(), b, allow_unused=True)", "torch.autograd.grad((a ** 3).sum(), a, create_graph=True)", "torch.autograd.grad(a, a)", "torch.autograd.grad(a.sum(), b, allow_unused=True, materialize_grads=True)", "torch.autograd.grad([a.sum(), (a * b).sum()], a)", "torch.autograd.grad(f.sum(), f)", "torch.autograd.grad(v * w, v, torch.eye(4, dtype=torch.float64), is_grads_batched=True)"],
        "backward": ["torch.autograd.backward((a * b).sum()); a.grad", "torch.autograd.backward([a.sum(), (a * a).sum()]); a.grad", "torch.autograd.backward(a * b, b.detach()); a.grad", "torch.autograd.backward(a)", "torch.autograd.backward((a * b).sum(), inputs=[b]); a.grad"],
        "gradcheck": ["torch.autograd.gradcheck(lambda x: x.sin(), (a,))", "torch.autograd.gradcheck(lambda x: x.detach() * x, (a,), raise_exception=False)", "torch.autograd.gradcheck(torch.matmul, (a, b.T))", "torch.autograd.gradcheck(lambda x: x.detach() * x, (a,))", "torch.autograd.gradcheck(lambda x, y: x * y, (v, w), eps=1e-6, atol=1e-4)"],
        "gradgradcheck": ["torch.autograd.gradgradcheck(lambda x: x.sin(), (v,))", "torch.autograd.gradgradcheck(lambda x: x ** 3, (v,))", "torch.autograd.gradgradcheck(torch.mul, (v, w))", "torch.autograd.gradgradcheck(lambda x: (x @ x.T), (m,))", "torch.autograd.gradgradcheck(torch.exp, (s,))"],
        "functional.jacobian": [f"torch.autograd.functional.jacobian({o})" for o in ("lambda x: x.sin(), v", "lambda x, y: x * y, (v, w)", "lambda x: x @ m, m", "lambda x: (x * x).sum(), a", "lambda x: x ** 2, v, create_graph=True", "lambda x: x ** 2, v, strict=True", "lambda x: x.exp(), v, vectorize=True")],
        "functional.hessian": [f"torch.autograd.functional.hessian({o})" for o in ("lambda x: (x ** 3).sum(), v", "lambda x, y: (x * y * y).sum(), (v, w)", "lambda x: x.sin().sum(), a", "lambda x: (x ** 3).sum(), v, create_graph=True", "lambda x: x ** 2, v")],
        "functional.vjp": [f"torch.autograd.functional.vjp({o})" for o in ("lambda x: x.sin(), v, w", "lambda x, y: x * y, (v, w), v", "lambda x: (x * x).sum(), a", "lambda x: x @ m, m, m", "lambda x: x ** 2, v, w, create_graph=True")],
        "functional.jvp": [f"torch.autograd.functional.jvp({o})" for o in ("lambda x: x.sin(), v, w", "lambda x, y: x * y, (v, w), (w, v)", "lambda x: (x * x).sum(), a, b", "lambda x: x @ m, m, m", "lambda x: x ** 2, v, w, create_graph=True")],
        "functional.hvp": [f"torch.autograd.functional.hvp({o})" for o in ("lambda x: (x ** 3).sum(), v, w", "lambda x: x.sin().sum(), a, b", "lambda x, y: (x * y * x).sum(), (v, w), (w, v)", "lambda x: (x @ m @ x), m[0], m[1]", "lambda x: x ** 2, v, w")],
        "functional.vhp": [f"torch.autograd.functional.vhp({o})" for o in ("lambda x: (x ** 3).sum(), v, w", "lambda x: x.sin().sum(), a, b", "lambda x, y: (x * y * x).sum(), (v, w), (w, v)", "lambda x: (x @ m @ x), m[0], m[1]", "lambda x: x ** 2, v, w")],
        "Variable": ["torch.autograd.Variable(f).requires_grad", "torch.autograd.Variable(f, requires_grad=True).requires_grad", "torch.autograd.Variable(a * 2).shape", "isinstance(a, torch.autograd.Variable)", "torch.autograd.Variable(f)"],
    },
    "distributions": {},
}  # fmt: skip
BASE = "torch.distributions"
POSITIVE = "p[0]"


def distribution(name, arguments, value, also=()):
    """What every distribution has: density, moments, entropy, drawn shapes, printing, wrong arguments."""
    make = f"{BASE}.{name}({arguments})"
    found = [
        f"{make}.log_prob({value})",
        f"{make}.mean",
        f"{make}.variance",
        f"{make}.stddev",
        f"{make}.entropy()",
        f"{make}.batch_shape",
        f"{make}.event_shape",
    ]
    found += [
        f"{make}.sample((5,)).shape",
        f"{make}.has_rsample",
        f"{make}.expand((3, 4) + {make}.batch_shape[1:]).batch_shape" if "v" in arguments else f"{make}.sample().shape",
        f"repr({make})",
    ]
    return found + [f"{make}.{a}" for a in also]


ROOM = TRANSFORMS["distributions"]
ROOM["Normal"] = distribution("Normal", "v, p[0]", "w", ["cdf(w)", "icdf(p[1])", "rsample((2,)).shape", "mode"]) + [
    f"{BASE}.Normal(0.0, -1.0)"
]
ROOM["Uniform"] = distribution("Uniform", "torch.zeros(4).double(), 1 + p[0]", "p[1]", ["cdf(p[1])", "icdf(p[1])"])
ROOM["Bernoulli"] = distribution("Bernoulli", "p[0]", "t[0].double()", ["mode", "enumerate_support()", "logits"]) + [
    f"{BASE}.Bernoulli(logits=v).probs"
]
ROOM["Categorical"] = distribution("Categorical", "p", "k", ["mode", "enumerate_support()", "logits", "probs"]) + [
    f"{BASE}.Categorical(logits=a).log_prob(k)"
]
ROOM["Exponential"] = distribution("Exponential", "p[0]", "p[1]", ["cdf(p[1])", "icdf(p[1])", "mode"])
ROOM["Gamma"] = distribution("Gamma", "p[0], p[1]", "p[2]", ["mode"])
ROOM["Beta"] = distribution("Beta", "p[0], p[1]", "p[2]", ["mode"])
ROOM["Dirichlet"] = distribution("Dirichlet", "p", "p / p.sum(-1, keepdim=True)", ["mode"])
ROOM["Laplace"] = distribution("Laplace", "v, p[0]", "w", ["cdf(w)", "icdf(p[1])"])
ROOM["Cauchy"] = distribution("Cauchy", "v, p[0]", "w", ["cdf(w)", "icdf(p[1])"])
ROOM["LogNormal"] = distribution("LogNormal", "v, p[0]", "p[1]", ["mode"])
ROOM["HalfNormal"] = distribution("HalfNormal", "p[0]", "p[1]", ["cdf(p[1])", "icdf(p[1])"])
ROOM["HalfCauchy"] = distribution("HalfCauchy", "p[0]", "p[1]", ["cdf(p[1])"])
ROOM["StudentT"] = distribution("StudentT", "p[0] + 3, v, p[1]", "w", ["mode"])
ROOM["Chi2"] = distribution("Chi2", "p[0]", "p[1]")
ROOM["Poisson"] = distribution("Poisson", "p[0]", "j[0].double()", ["mode"])
ROOM["Geometric"] = distribution("Geometric", "p[0]", "j[0].double()", ["mode"])
ROOM["Binomial"] = distribution("Binomial", "9, p[0]", "j[0].double()", ["mode"])
ROOM["NegativeBinomial"] = distribution("NegativeBinomial", "3.0, p[0]", "j[0].double()")
ROOM["Multinomial"] = distribution("Multinomial", "5, p[0]", "torch.tensor([1.0, 2.0, 0.0, 2.0]).double()")
ROOM["MultivariateNormal"] = distribution(
    "MultivariateNormal", "m[0], m @ m.T + 3 * torch.eye(3).double()", "m[1]", ["precision_matrix"]
)
ROOM["Gumbel"] = distribution("Gumbel", "v, p[0]", "w", ["mode"])
ROOM["Weibull"] = distribution("Weibull", "p[0], p[1]", "p[2]", ["mode"])
ROOM["Pareto"] = distribution("Pareto", "p[0], p[1] + 3", "p[0] + 1", ["mode"])
ROOM["VonMises"] = distribution("VonMises", "v, p[0]", "w", ["mode"])
ROOM["OneHotCategorical"] = distribution("OneHotCategorical", "p", "F.one_hot(k, 4).double()", ["mode"])
ROOM["Kumaraswamy"] = distribution("Kumaraswamy", "p[0], p[1]", "p[2]")
ROOM["Independent"] = [
    f"{BASE}.Independent({BASE}.Normal(a, p), 1).{w}"
    for w in ("log_prob(b)", "mean", "entropy()", "batch_shape", "event_shape")
]
ROOM["kl_divergence"] = [
    f"{BASE}.kl_divergence({p}, {q})".replace("D.", BASE + ".")
    for p, q in (
        ("D.Normal(v, p[0])", "D.Normal(w, p[1])"),
        ("D.Bernoulli(p[0])", "D.Bernoulli(p[1])"),
        ("D.Categorical(p)", "D.Categorical(p.flip(0))"),
        ("D.Gamma(p[0], p[1])", "D.Gamma(p[1], p[2])"),
        ("D.Beta(p[0], p[1])", "D.Beta(p[1], p[2])"),
        ("D.Exponential(p[0])", "D.Exponential(p[1])"),
        ("D.Laplace(v, p[0])", "D.Laplace(w, p[1])"),
        ("D.Dirichlet(p)", "D.Dirichlet(p.flip(0))"),
        ("D.Uniform(v, v + 1)", "D.Uniform(v - 1, v + 2)"),
        ("D.Poisson(p[0])", "D.Poisson(p[1])"),
        ("D.Normal(v, p[0])", "D.Poisson(p[1])"),
    )
]
ROOM["TransformedDistribution"] = [
    f"{BASE}.TransformedDistribution({BASE}.Normal(v, p[0]), [{BASE}.{t}]).log_prob(p[1])"
    for t in (
        "ExpTransform()",
        "AffineTransform(1.0, 2.0)",
        "SigmoidTransform()",
        "transforms.ExpTransform()",
        "AffineTransform(v, p[2])",
    )
]
