#include "nn/data/resolve_inputs.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/shown_text.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

std::string AxisLabel(const Port& port, int axis) {
  const absl::string_view name = port.AxisName(axis);
  return absl::StrCat("axis ", axis, name.empty() ? "" : absl::StrCat(" (", Quoted(name), ")"));
}

std::string Label(const Port& port) { return absl::StrCat("input ", Quoted(port.name)); }

class Resolver {
 public:
  Resolver(Graph graph, const InputBinding& binding, const Dataset* data)
      : graph_(std::move(graph)), binding_(binding), data_(data) {}

  absl::StatusOr<Graph> Resolve() {
    HT_RETURN_IF_ERROR(CheckNames());
    HT_RETURN_IF_ERROR(MakeConstants());
    HT_RETURN_IF_ERROR(ReadShapes());
    HT_RETURN_IF_ERROR(FindSampleAxes());
    HT_RETURN_IF_ERROR(ReadArrays());
    HT_RETURN_IF_ERROR(FixAxes());
    FixBatch();
    for (const Port& port : graph_.inputs) graph_.values[port.name] = port.info;
    return std::move(graph_);
  }

 private:
  absl::Status CheckNames() const {
    std::set<std::string> inputs, axes;
    for (const Port& port : graph_.inputs) {
      inputs.insert(port.name);
      axes.insert(port.axis_names.begin(), port.axis_names.end());
    }
    axes.erase("");
    HT_RETURN_IF_ERROR(CheckAmong("shape", binding_.shapes, inputs, "input"));
    HT_RETURN_IF_ERROR(CheckAmong("constant", binding_.constants, inputs, "input"));
    HT_RETURN_IF_ERROR(CheckAmong("axis of samples", binding_.sample_axes, inputs, "input"));
    return CheckAmong("size", binding_.axes, axes, "symbolic axis");
  }

  template <typename Map>
  static absl::Status CheckAmong(absl::string_view what, const Map& said,
                                 const std::set<std::string>& known, absl::string_view of) {
    for (const auto& [name, value] : said) {
      if (known.count(name) > 0) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("a ", what, " of ", Quoted(name), ": the model has no such ", of,
                       "; it has ", known.empty() ? "none" : absl::StrJoin(known, ", ")));
    }
    return absl::OkStatus();
  }

  absl::Status MakeConstants() {
    std::vector<Port> kept;
    for (const Port& port : graph_.inputs) {
      HT_ASSIGN_OR_RETURN(const std::optional<Tensor> value, ConstantOf(port));
      if (!value.has_value()) {
        kept.push_back(port);
        continue;
      }
      graph_.values[port.name] = {value->type(), value->shape()};
      graph_.initializers.emplace(port.name, *value);
    }
    graph_.inputs = std::move(kept);
    return absl::OkStatus();
  }

  // Of an input that is the same for all samples.
  absl::StatusOr<std::optional<Tensor>> ConstantOf(const Port& port) const {
    std::vector<double> values;
    if (const auto said = binding_.constants.find(port.name); said != binding_.constants.end()) {
      values = said->second;
    } else if (data_ != nullptr && data_->constants().count(port.name) > 0) {
      HT_ASSIGN_OR_RETURN(values, AsDoubles(data_->constants().at(port.name)));
    } else {
      return std::nullopt;
    }
    Shape shape = port.info.shape;
    if (const auto said = binding_.shapes.find(port.name); said != binding_.shapes.end()) {
      shape = said->second;
    }
    if (!shape.IsStatic() && shape.rank() == 1) shape = {static_cast<int64_t>(values.size())};
    const absl::Status checked = shape.Check();
    if (!checked.ok()) return Annotate(checked, absl::StrCat("constant ", Label(port)));
    if (values.size() == 1) values.assign(static_cast<size_t>(shape.Elements()), values[0]);
    if (static_cast<int64_t>(values.size()) != shape.Elements()) {
      return absl::InvalidArgumentError(absl::StrCat("constant ", Label(port), ": ", values.size(),
                                                     " values for shape ", shape.ToString()));
    }
    if (IsFloat(port.info.type)) return Tensor::FromDoubles(port.info.type, shape, values);
    std::vector<int64_t> whole(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      whole[i] = static_cast<int64_t>(values[i]);
      if (static_cast<double>(whole[i]) == values[i]) continue;
      return absl::InvalidArgumentError(absl::StrCat("constant ", Label(port), ": ", values[i],
                                                     " is no ", DataTypeName(port.info.type)));
    }
    return Tensor::FromInts(port.info.type, shape, whole);
  }

  static absl::StatusOr<std::vector<double>> AsDoubles(const Tensor& tensor) {
    if (IsFloat(tensor.type())) return tensor.ToDoubles();
    HT_ASSIGN_OR_RETURN(const std::vector<int64_t> whole, tensor.ToInts());
    return std::vector<double>(whole.begin(), whole.end());
  }

  absl::Status ReadShapes() {
    for (const auto& [name, size] : binding_.axes) {
      if (size < 1) {
        return absl::InvalidArgumentError(absl::StrCat("axis ", Quoted(name), ": size ", size));
      }
      sizes_[name] = {size, "what is said of the axis"};
    }
    for (Port& port : graph_.inputs) {
      const auto said = binding_.shapes.find(port.name);
      if (said == binding_.shapes.end()) continue;
      if (said->second.rank() != port.info.shape.rank()) {
        return absl::InvalidArgumentError(absl::StrCat(Label(port), ": a shape of ",
                                                       said->second.ToString(), ", the model has ",
                                                       port.info.shape.ToString()));
      }
      for (int axis = 0; axis < said->second.rank(); ++axis) {
        const int64_t size = said->second.dim(axis);
        // A symbolic batch of one: that of a network which is shown one sample.
        const bool is_batch = axis == 0 && size == 1 &&
                              binding_.sample_axes.count(port.name) == 0 &&
                              port.info.shape.dim(0) == Shape::kDynamic;
        if (size == Shape::kDynamic || is_batch) continue;
        HT_RETURN_IF_ERROR(SetSize(port, axis, size, "what is said of its shape"));
      }
    }
    return absl::OkStatus();
  }

  // `source` says so.
  absl::Status SetSize(Port& port, int axis, int64_t size, const std::string& source) {
    const int64_t had = port.info.shape.dim(axis);
    if (had != Shape::kDynamic && had != size) {
      return absl::InvalidArgumentError(absl::StrCat(Label(port), ": ", AxisLabel(port, axis),
                                                     " is ", had, ", and ", size, " by ", source));
    }
    const std::string name(port.AxisName(axis));
    if (!name.empty() && had == Shape::kDynamic) {
      const auto [known, is_new] = sizes_.try_emplace(name, size, source);
      if (known->second.first != size) {
        return absl::InvalidArgumentError(
            absl::StrCat(Label(port), ": ", AxisLabel(port, axis), " is ", known->second.first,
                         " by ", known->second.second, ", and ", size, " by ", source));
      }
    }
    port.info.shape.set_dim(axis, size);
    return absl::OkStatus();
  }

  // The data's array of the input; null where there is none.
  const Tensor* ArrayOf(const Port& port) const {
    if (data_ == nullptr) return nullptr;
    const auto found = data_->inputs().find(port.name);
    return found == data_->inputs().end() ? nullptr : &found->second;
  }

  // What the file calls the input's open axis of samples; "" where it has none.
  absl::string_view BatchName(const Port& port) const {
    if (!port.sample_axis.has_value() || port.info.shape.rank() == 0) return "";
    if (port.info.shape.dim(*port.sample_axis) != Shape::kDynamic) return "";
    const absl::string_view name = port.AxisName(*port.sample_axis);
    return sizes_.count(std::string(name)) > 0 ? "" : name;
  }

  absl::Status FindSampleAxes() {
    std::string batch;  // what the file calls the axis of samples
    for (Port& port : graph_.inputs) {
      const int rank = port.info.shape.rank();
      const Tensor* const array = ArrayOf(port);
      if (const auto said = binding_.sample_axes.find(port.name);
          said != binding_.sample_axes.end()) {
        if (said->second < 0 || said->second >= rank) {
          return absl::InvalidArgumentError(absl::StrCat(Label(port), " of shape ",
                                                         port.info.shape.ToString(),
                                                         " has no axis ", said->second));
        }
        port.sample_axis = said->second;
      } else if (array != nullptr && array->shape().rank() == rank + 1) {
        port.sample_axis.reset();
      }
      const absl::string_view name = BatchName(port);
      if (batch.empty()) batch = std::string(name);
    }
    if (batch.empty()) return absl::OkStatus();
    for (Port& port : graph_.inputs) {
      if (port.sample_axis != 0 || binding_.sample_axes.count(port.name) > 0) continue;
      if (port.info.shape.rank() == 0) continue;
      if (port.info.shape.dim(0) == Shape::kDynamic && port.AxisName(0) == batch) continue;
      const auto found = absl::c_find(port.axis_names, batch);
      if (found == port.axis_names.end()) continue;
      port.sample_axis = static_cast<int>(found - port.axis_names.begin());
    }
    return absl::OkStatus();
  }

  absl::Status ReadArrays() {
    for (Port& port : graph_.inputs) {
      const Tensor* const array = ArrayOf(port);
      if (array == nullptr) continue;
      const std::string source = absl::StrCat("array ", Quoted(port.name));
      const int rank = port.info.shape.rank();
      if (array->shape().rank() != rank + (port.sample_axis.has_value() ? 0 : 1)) continue;
      for (int axis = 0, from = 1; axis < rank; ++axis) {
        if (axis == port.sample_axis) continue;
        const int64_t size = array->shape().dim(from++);
        if (port.info.shape.dim(axis) != Shape::kDynamic) continue;
        HT_RETURN_IF_ERROR(SetSize(port, axis, size, source));
      }
    }
    return absl::OkStatus();
  }

  absl::Status FixAxes() {
    for (Port& port : graph_.inputs) {
      for (int axis = 0; axis < port.info.shape.rank(); ++axis) {
        const auto known = sizes_.find(std::string(port.AxisName(axis)));
        if (port.info.shape.dim(axis) != Shape::kDynamic || known == sizes_.end()) continue;
        HT_RETURN_IF_ERROR(SetSize(port, axis, known->second.first, known->second.second));
      }
    }
    return absl::OkStatus();
  }

  // Where a whole value of an input belongs to one sample, a pass computes one.
  void FixBatch() {
    if (absl::c_all_of(graph_.inputs,
                       [](const Port& port) { return port.sample_axis.has_value(); })) {
      return;
    }
    for (Port& port : graph_.inputs) {
      Shape& shape = port.info.shape;
      const bool has_axis = port.sample_axis.has_value() && shape.rank() > 0;
      if (has_axis && shape.dim(*port.sample_axis) == Shape::kDynamic)
        shape.set_dim(*port.sample_axis, 1);
    }
  }

  Graph graph_;
  const InputBinding& binding_;
  const Dataset* const data_;
  std::map<std::string, std::pair<int64_t, std::string>> sizes_;  // of named axes, and who says so
};

}  // namespace

absl::StatusOr<Graph> ResolveWherePossible(Graph graph, const InputBinding& binding,
                                           const Dataset* data) {
  return Resolver(std::move(graph), binding, data).Resolve();
}

bool IsResolved(const Graph& graph) {
  const auto is_open = [](const Port& port) {
    return port.info.shape.rank() > 0 && port.info.shape.dim(0) == Shape::kDynamic;
  };
  return absl::c_all_of(graph.inputs, is_open) && FindOpenAxes(graph).empty();
}

absl::StatusOr<Graph> ResolveInputs(Graph graph, const InputBinding& binding, const Dataset* data) {
  HT_ASSIGN_OR_RETURN(Graph resolved, ResolveWherePossible(std::move(graph), binding, data));
  const std::vector<OpenAxis> open = FindOpenAxes(resolved);
  if (open.empty()) return resolved;
  const auto label = [](std::string* out, const OpenAxis& axis) {
    absl::StrAppend(out, "input ", Quoted(axis.input), ": axis ", axis.axis,
                    axis.name.empty() ? "" : absl::StrCat(" (", Quoted(axis.name), ")"));
  };
  return absl::InvalidArgumentError(absl::StrCat(
      absl::StrJoin(open, ", ", label),
      ": no size is known; data with an array of the input's name has it, or say it: --shape "
      "INPUT=1x3x320x320, or --dim NAME=320 for an axis with a name"));
}

}  // namespace halftone
