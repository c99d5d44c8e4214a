#include "nn/engine/onednn/plan/builder.h"

#include <algorithm>
#include <climits>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/plan/quantize_kernel.h"
#include "nn/graph/float32.h"

namespace halftone::plan {
namespace {

using dnnl::memory;

absl::string_view TypeName(DataKind type) {
  switch (type) {
    case DataKind::f32:
      return "f32";
    case DataKind::bf16:
      return "bf16";
    case DataKind::u8:
      return "u8";
    case DataKind::s8:
      return "s8";
    default:
      return "other";
  }
}

template <typename T>
memory VectorConstant(DataKind type, absl::Span<const T> values) {
  const MemoryDesc desc({static_cast<int64_t>(values.size())}, type, memory::format_tag::x);
  memory constant(desc, CpuEngine());
  std::memcpy(constant.get_data_handle(), values.data(), values.size() * sizeof(T));
  return constant;
}

}  // namespace

MemoryDesc DescOf(const Shape& shape, DataKind type, Arrangement arrangement) {
  return arrangement == Arrangement::kPlain ? PlainDesc(shape, type) : ActivationDesc(shape, type);
}

memory FloatConstant(absl::Span<const float> values) {
  return VectorConstant(DataKind::f32, values);
}

memory IntConstant(absl::Span<const int32_t> values) {
  return VectorConstant(DataKind::s32, values);
}

std::string DescKey(const MemoryDesc& desc) {
  return absl::StrCat(absl::StrJoin(desc.get_dims(), "x"), ":", TypeName(desc.get_data_type()), "/",
                      absl::StrJoin(desc.get_strides(), ","));
}

void PlanBuilder::AddInput(const Port& input) {
  const Instance instance =
      Define(input.name, Form::Float32(), Arrangement::kPlain, /*producer=*/input.name);
  // A run leaves its inputs as they are, so that it can be repeated.
  buffers_[static_cast<size_t>(instance.buffer)].first = 0;
  buffers_[static_cast<size_t>(instance.buffer)].last = INT_MAX;
  buffer_last_reader_[static_cast<size_t>(instance.buffer)] = INT_MAX;
  plan_.inputs.push_back({input.name, instance.buffer, 0, input.info.shape.Elements()});
}

absl::Status PlanBuilder::AddOutput(const std::string& value) {
  HT_ASSIGN_OR_RETURN(const Instance instance,
                      Need(value, Form::Float32(), Arrangement::kPlain, value));
  buffers_[static_cast<size_t>(instance.buffer)].last = INT_MAX;
  plan_.outputs.push_back({value, instance.buffer, instance.offset, shape(value).Elements()});
  return absl::OkStatus();
}

absl::StatusOr<Instance> PlanBuilder::Need(const std::string& value, const Form& form,
                                           Arrangement arrangement, const std::string& reader) {
  return NeedAs(value, form, DescOf(shape(value), form.type, arrangement), reader);
}

absl::StatusOr<Instance> PlanBuilder::NeedMatrix(const std::string& value, const Form& form,
                                                 const std::string& reader) {
  const auto it = values_.find(value);
  if (it != values_.end()) {
    for (const Instance& instance : it->second.instances) {
      if (instance.form == form && IsMatrix(instance.desc)) return instance;
    }
    // Converting is fastest when the order of the axes stays.
    const MemoryDesc& stored = Stored(value).desc;
    if (IsMatrix(stored)) return NeedAs(value, form, DenseDesc(stored, form.type), reader);
  }
  return Need(value, form, Arrangement::kPlain, reader);
}

absl::StatusOr<Instance> PlanBuilder::NeedAs(const std::string& value, const Form& form,
                                             const MemoryDesc& wanted, const std::string& reader) {
  auto it = values_.find(value);
  if (it == values_.end()) {
    HT_RETURN_IF_ERROR(AddConstantValue(value, reader));
    it = values_.find(value);
  }
  for (const Instance& instance : it->second.instances) {
    if (instance.form == form && SameArrangement(instance.desc, wanted)) {
      return Instance{form, wanted, instance.buffer, instance.offset};
    }
  }
  return Convert(value, form, wanted, reader);
}

absl::Status PlanBuilder::AddConstantValue(const std::string& value, const std::string& reader) {
  const auto constant = graph().initializers.find(value);
  if (constant == graph().initializers.end()) {
    return absl::InternalError(
        absl::StrCat("'", reader, "' reads '", value, "' before it is made"));
  }
  HT_ASSIGN_OR_RETURN(const Tensor floats, ToFloat32(constant->second));
  const Instance instance = Define(value, Form::Float32(), Arrangement::kPlain, value);
  // It is there to the end: nothing may be written in its place.
  buffer_last_reader_[static_cast<size_t>(instance.buffer)] = INT_MAX;
  PlanStep info;
  info.kind = PlanStep::Kind::kConversion;
  info.name = value;
  info.from = value;
  info.to = reader;
  info.implementation = "host:constant";
  info.key = absl::StrCat("constant ", DescKey(instance.desc));
  const HostRun run = [floats](absl::Span<std::byte* const> buffers) {
    std::copy(floats.bytes().begin(), floats.bytes().end(), buffers[0]);
    return absl::OkStatus();
  };
  AddHostStep(std::move(info), [run]() -> absl::StatusOr<HostRun> { return run; }, {instance});
  return absl::OkStatus();
}

absl::StatusOr<Instance> PlanBuilder::Convert(const std::string& value, const Form& form,
                                              const MemoryDesc& wanted, const std::string& reader) {
  const Instance from = Stored(value);
  const bool narrow_grid = !form.FillsType();
  // The kernel that keeps to a grid reads float32 in its own arrangement.
  const MemoryDesc as_floats(wanted.get_dims(), DataKind::f32, wanted.get_strides());
  if (narrow_grid) {
    HT_RETURN_IF_ERROR(NeedAs(value, Form::Float32(), as_floats, reader).status());
  }
  PlanStep info;
  info.kind = PlanStep::Kind::kConversion;
  info.name = value;
  info.from = values_.at(value).producer;
  info.to = reader;
  const Instance to{form, wanted, NewBuffer(static_cast<int64_t>(wanted.get_size()))};
  if (narrow_grid) {
    HT_ASSIGN_OR_RETURN(const Instance floats, NeedAs(value, Form::Float32(), as_floats, reader));
    AddQuantizeKernel(info, floats, to);
  } else {
    AddReorder(info, from, to);
  }
  values_.at(value).instances.push_back(to);
  return to;
}

void PlanBuilder::AddReorder(const PlanStep& info, const Instance& from, const Instance& to) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  std::vector<Argument> arguments = {Use(DNNL_ARG_FROM, from), Use(DNNL_ARG_TO, to)};
  for (const auto& [role, instance] :
       {std::pair(DNNL_ARG_FROM, &from), std::pair(DNNL_ARG_TO, &to)}) {
    const Form& form = instance->form;
    if (!form.IsInteger()) continue;
    attr.set_scales_mask(role, 0);
    arguments.push_back(Constant(DNNL_ARG_ATTR_SCALES | role, FloatConstant({form.scale})));
    if (form.zero_point == 0) continue;
    attr.set_zero_points_mask(role, 0);
    arguments.push_back(Constant(DNNL_ARG_ATTR_ZERO_POINTS | role, IntConstant({form.zero_point})));
  }
  const dnnl::reorder::primitive_desc desc(CpuEngine(), from.desc, CpuEngine(), to.desc, attr);
  PlanStep step = info;
  step.key = absl::StrCat("reorder ", DescKey(from.desc), " ", FormName(from.form), " -> ",
                          DescKey(to.desc), " ", FormName(to.form));
  AddPrimitive<dnnl::reorder>(std::move(step), desc, std::move(arguments));
}

void PlanBuilder::AddQuantizeKernel(const PlanStep& info, const Instance& from,
                                    const Instance& to) {
  PlanStep step = info;
  step.implementation = "host:quantize";
  step.key = absl::StrCat("quantize ", DescKey(to.desc), " ", FormName(to.form));
  const auto count =
      static_cast<int64_t>(to.desc.get_size() / memory::data_type_size(to.form.type));
  const HostRun run = [form = to.form, count](absl::Span<std::byte* const> buffers) {
    QuantizeToGrid(form, count, reinterpret_cast<const float*>(buffers[0]), buffers[1]);
    return absl::OkStatus();
  };
  AddHostStep(std::move(step), [run]() -> absl::StatusOr<HostRun> { return run; }, {from, to});
}

Instance PlanBuilder::Define(const std::string& value, const Form& form, Arrangement arrangement,
                             const std::string& producer) {
  return Define(value, form, DescOf(shape(value), form.type, arrangement), producer);
}

Instance PlanBuilder::Define(const std::string& value, const Form& form, const MemoryDesc& desc,
                             const std::string& producer) {
  const Instance instance{form, desc, NewBuffer(static_cast<int64_t>(desc.get_size()))};
  return DefineIn(value, instance, form, desc, producer);
}

Instance PlanBuilder::DefineIn(const std::string& value, const Instance& instance, const Form& form,
                               const MemoryDesc& desc, const std::string& producer) {
  const Instance own{form, desc, instance.buffer, instance.offset};
  values_[value] = {{own}, producer};
  const auto it = last_reader_.find(value);
  int& last = buffer_last_reader_[static_cast<size_t>(own.buffer)];
  if (it != last_reader_.end()) last = std::max(last, it->second);
  return own;
}

void PlanBuilder::SetLastReader(const std::string& value, int op) { last_reader_[value] = op; }

bool PlanBuilder::DiesHere(const std::string& value) const {
  return buffer_last_reader_[static_cast<size_t>(Stored(value).buffer)] <= op_;
}

Argument PlanBuilder::Use(int role, const Instance& instance) {
  return {role, instance.desc, instance.buffer, {}, instance.offset};
}

Argument PlanBuilder::Constant(int role, const memory& memory) {
  return {role, memory.get_desc(), -1, memory};
}

void PlanBuilder::AddPrimitiveStep(PlanStep info, const dnnl::primitive& primitive,
                                   const MemoryDesc& scratchpad, std::vector<Argument> arguments) {
  if (scratchpad.get_size() > 0) {
    const int buffer = NewBuffer(static_cast<int64_t>(scratchpad.get_size()));
    arguments.push_back({DNNL_ARG_SCRATCHPAD, scratchpad, buffer, {}});
  }
  Append({std::move(info), primitive, {}, std::move(arguments)});
}

void PlanBuilder::AddHostStep(PlanStep info, HostKernel kernel,
                              absl::Span<const Instance> instances) {
  CompiledStep step{std::move(info), {}, std::move(kernel), {}};
  for (const Instance& instance : instances) step.arguments.push_back(Use(0, instance));
  Append(std::move(step));
}

int PlanBuilder::NewBuffer(int64_t bytes) {
  const int step = static_cast<int>(plan_.steps.size());
  buffers_.push_back({bytes, step, step});
  buffer_last_reader_.push_back(-1);
  return static_cast<int>(buffers_.size()) - 1;
}

void PlanBuilder::Append(CompiledStep step) {
  const int number = static_cast<int>(plan_.steps.size());
  for (const Argument& argument : step.arguments) {
    if (argument.buffer < 0) continue;
    int& last = buffers_[static_cast<size_t>(argument.buffer)].last;
    last = std::max(last, number);
  }
  plan_.steps.push_back(std::move(step));
}

CompiledPlan PlanBuilder::Finish() {
  const int end = static_cast<int>(plan_.steps.size());
  for (BufferLifetime& buffer : buffers_) buffer.last = std::min(buffer.last, end);
  ArenaPlan arena = PlanArena(buffers_);
  plan_.buffer_offsets = std::move(arena.offsets);
  plan_.arena_bytes = arena.bytes;
  return std::move(plan_);
}

}  // namespace halftone::plan
