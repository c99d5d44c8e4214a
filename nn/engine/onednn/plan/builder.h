#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_BUILDER_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_BUILDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/engine/onednn/arena.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/engine/onednn/plan/form.h"
#include "nn/graph/graph.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace halftone::plan {

// A step's computation on the host, on the memory of its buffers.
using HostRun = std::function<absl::Status(absl::Span<std::byte* const> buffers)>;
// Makes the computation for one session (it may hold memory of its own).
using HostKernel = std::function<absl::StatusOr<HostRun>()>;

// An argument of a step: a buffer of the session, or a constant of the plan.
struct Argument {
  int role = 0;  // DNNL_ARG_...
  MemoryDesc desc;
  int buffer = -1;
  dnnl::memory constant;  // used where buffer is -1
  int64_t offset = 0;     // in bytes, from the buffer's start
};

// One step as the session runs it.
struct CompiledStep {
  PlanStep info;
  dnnl::primitive primitive;  // used where `kernel` is empty
  HostKernel kernel;
  std::vector<Argument> arguments;
};

// The memory of a session, and what is done in it.
struct CompiledPlan {
  struct Port {
    std::string name;
    int buffer = -1;
    int64_t offset = 0;  // in bytes
    int64_t elements = 0;
  };
  std::vector<CompiledStep> steps;
  std::vector<int64_t> buffer_offsets;
  int64_t arena_bytes = 0;
  std::vector<Port> inputs, outputs;  // float32, C order
};

// Whether a plan is made to run, or to tell its steps: then no weights are prepared and no code is
// generated.
enum class Purpose { kRun, kDescribe };

enum class Arrangement { kChannelsLast, kPlain };
MemoryDesc DescOf(const Shape& shape, DataKind type, Arrangement arrangement);

// One stored copy of a value.
struct Instance {
  Form form;
  MemoryDesc desc;
  int buffer = -1;
  int64_t offset = 0;  // in bytes, from the buffer's start
};

// Collects steps and buffers, knows in which forms and arrangements each value is at hand, and
// appends conversions where a step wants another. oneDNN's exceptions pass through: the caller of
// the lowering catches them.
class PlanBuilder {
 public:
  PlanBuilder(const Graph& graph, Purpose purpose) : graph_(&graph), purpose_(purpose) {}

  bool describes() const { return purpose_ == Purpose::kDescribe; }
  const Graph& graph() const { return *graph_; }
  const Shape& shape(const std::string& value) const { return graph_->values.at(value).shape; }

  void AddInput(const Port& input);
  // Converts `value` to float32 in C order and keeps it to the end of the run.
  absl::Status AddOutput(const std::string& value);

  // What the producer stored; a copy, since the next Need of the value may move where it is held.
  Instance Stored(const std::string& value) const { return values_.at(value).instances[0]; }
  // The value in a form and arrangement, for `reader`; converted first where needed.
  absl::StatusOr<Instance> Need(const std::string& value, const Form& form, Arrangement arrangement,
                                const std::string& reader);
  // The same for an operand of a matrix product, which may lie as it is as long as one of its last
  // two axes is dense.
  absl::StatusOr<Instance> NeedMatrix(const std::string& value, const Form& form,
                                      const std::string& reader);
  // A new buffer for the result `value` of `producer`.
  Instance Define(const std::string& value, const Form& form, Arrangement arrangement,
                  const std::string& producer);
  Instance Define(const std::string& value, const Form& form, const MemoryDesc& desc,
                  const std::string& producer);
  // Lets `value` take over the buffer of `instance`, under another shape or form.
  Instance DefineIn(const std::string& value, const Instance& instance, const Form& form,
                    const MemoryDesc& desc, const std::string& producer);

  // The number of the op being lowered, and the op that reads each value last.
  void BeginOp(int op) { op_ = op; }
  void SetLastReader(const std::string& value, int op);
  // Whether nothing after the op being lowered reads the buffer.
  bool DiesHere(const std::string& value) const;

  static Argument Use(int role, const Instance& instance);
  static Argument Constant(int role, const dnnl::memory& memory);
  // Makes the primitive of `desc` (unless it only describes) and appends it.
  template <typename Primitive>
  void AddPrimitive(PlanStep info, const typename Primitive::primitive_desc& desc,
                    std::vector<Argument>&& arguments) {
    info.implementation = desc.impl_info_str();
    AddPrimitiveStep(std::move(info), describes() ? dnnl::primitive() : Primitive(desc),
                     desc.scratchpad_desc(), std::move(arguments));
  }
  void AddHostStep(PlanStep info, HostKernel kernel, absl::Span<const Instance> instances);

  CompiledPlan Finish();

 private:
  struct Value {
    std::vector<Instance> instances;
    std::string producer;
  };

  int NewBuffer(int64_t bytes);
  void AddPrimitiveStep(PlanStep info, const dnnl::primitive& primitive,
                        const MemoryDesc& scratchpad, std::vector<Argument> arguments);
  absl::StatusOr<Instance> NeedAs(const std::string& value, const Form& form,
                                  const MemoryDesc& wanted, const std::string& reader);
  // Makes a constant that an op reads as an activation a value of the plan.
  absl::Status AddConstantValue(const std::string& value, const std::string& reader);
  absl::StatusOr<Instance> Convert(const std::string& value, const Form& form,
                                   const MemoryDesc& wanted, const std::string& reader);
  void AddReorder(const PlanStep& info, const Instance& from, const Instance& to);
  void AddQuantizeKernel(const PlanStep& info, const Instance& from, const Instance& to);
  void Append(CompiledStep step);

  const Graph* graph_;
  Purpose purpose_;
  int op_ = 0;
  absl::flat_hash_map<std::string, Value> values_;
  absl::flat_hash_map<std::string, int> last_reader_;
  std::vector<BufferLifetime> buffers_;
  std::vector<int> buffer_last_reader_;  // the last op that reads it; INT_MAX: never dies
  CompiledPlan plan_;
};

// Memory that the plan owns, with the given elements.
dnnl::memory FloatConstant(absl::Span<const float> values);
dnnl::memory IntConstant(absl::Span<const int32_t> values);

// The first row of a oneDNN desc for a step's key: "[1x32x28x28:u8]".
std::string DescKey(const MemoryDesc& desc);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_BUILDER_H_
