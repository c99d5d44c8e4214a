#include "nn/graph/operators/indexing.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/strided.h"
#include "nn/graph/operators/value_sized.h"

namespace halftone {
namespace {

// Longest table of rows.
constexpr int64_t kMaxRows = int64_t{1} << 26;

absl::StatusOr<std::vector<int64_t>> ConstantIndices(const NodeContext& context, size_t index) {
  HT_RETURN_IF_ERROR(context.Input(index).status());
  const Tensor* indices = context.Constant(index);
  if (indices == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("its indices '", context.node.inputs[index], "' are not constant"));
  }
  if (indices->elements() > kMaxRows) {
    return absl::UnimplementedError(absl::StrCat(indices->elements(), " indices"));
  }
  return indices->ToInts();
}

absl::StatusOr<int64_t> WrapIndex(int64_t index, int64_t size) {
  if (index < -size || index >= size) {
    return absl::InvalidArgumentError(
        absl::StrCat("index ", index, " is outside of an axis of size ", size));
  }
  return index < 0 ? index + size : index;
}

// The flat place of every index: that of its own position, but along `axis` what it says.
absl::StatusOr<RowTable> ElementRows(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> indices, ConstantIndices(context, 1));
  const Shape &data = context.infos[0]->shape, &shape = context.infos[1]->shape;
  HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", 0));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, data.rank()));
  const std::vector<int64_t> data_strides = DenseStrides(data), strides = DenseStrides(shape);
  for (size_t i = 0; i < indices.size(); ++i) {
    HT_ASSIGN_OR_RETURN(const int64_t index, WrapIndex(indices[i], data.dim(axis)));
    auto rest = static_cast<int64_t>(i);
    int64_t place = 0;
    for (size_t at = 0; at < strides.size(); ++at) {
      const int64_t own = rest / strides[at];
      place += (static_cast<int>(at) == axis ? index : own) * data_strides[at];
      rest %= strides[at];
    }
    indices[i] = place;
  }
  return RowTable{std::move(indices), data.Elements(), 1};
}

// The last axis of the indices names positions on the data's axes after the batch axes.
absl::StatusOr<RowTable> TupleRows(const NodeContext& context, int64_t batch_axes) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> indices, ConstantIndices(context, 1));
  const absl::Span<const int64_t> data = context.infos[0]->shape.dims();
  const absl::Span<const int64_t> shape = context.infos[1]->shape.dims();
  const auto batch = static_cast<size_t>(batch_axes);
  const auto tuple = static_cast<size_t>(shape.back());
  const int64_t batches = Product(data.first(batch));
  const int64_t per_batch = Product(data.subspan(batch, tuple));
  RowTable table{{}, batches * per_batch, Product(data.subspan(batch + tuple))};
  const int64_t tuples = Product(shape.first(shape.size() - 1));
  if (tuples > kMaxRows) return absl::UnimplementedError(absl::StrCat(tuples, " indices"));
  const int64_t tuples_per_batch = batches == 0 ? 0 : tuples / batches;
  for (int64_t i = 0; i < tuples; ++i) {
    int64_t row = i / std::max<int64_t>(tuples_per_batch, 1);
    for (size_t k = 0; k < tuple; ++k) {
      const int64_t size = data[batch + k];
      HT_ASSIGN_OR_RETURN(const int64_t index,
                          WrapIndex(indices[static_cast<size_t>(i) * tuple + k], size));
      row = row * size + index;
    }
    table.rows.push_back(row);
  }
  return table;
}

// The first lens[b] elements of the time axis come in reverse order; time and batch are axes 0 and
// 1 in either order.
absl::StatusOr<RowTable> ReversedRows(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> lengths, ConstantIndices(context, 1));
  const Shape& src = context.infos[0]->shape;
  HT_ASSIGN_OR_RETURN(int64_t time_axis, context.node.Int("time_axis", 0));
  const int64_t rows = src.dim(0), columns = src.dim(1);
  if (rows * columns > kMaxRows) return absl::UnimplementedError("that many sequences");
  RowTable table{{}, rows * columns, Product(absl::MakeConstSpan(src.dims()).subspan(2))};
  for (int64_t i = 0; i < rows * columns; ++i) {
    const int64_t time = time_axis == 0 ? i / columns : i % columns;
    const int64_t batch = time_axis == 0 ? i % columns : i / columns;
    const int64_t length = lengths[static_cast<size_t>(batch)];
    if (length < 0 || length > src.dim(static_cast<int>(time_axis))) {
      return absl::InvalidArgumentError(absl::StrCat("a sequence of length ", length));
    }
    const int64_t from = time < length ? length - 1 - time : time;
    table.rows.push_back(time_axis == 0 ? from * columns + batch : batch * columns + from);
  }
  return table;
}

absl::Status CheckIndexType(const ValueInfo& indices) {
  if (indices.type == DataType::kInt32 || indices.type == DataType::kInt64) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("indices of type ", DataTypeName(indices.type)));
}

absl::Status CheckElementIndices(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo data, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo indices, context.Input(1));
  HT_RETURN_IF_ERROR(CheckIndexType(indices));
  HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", 0));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, data.shape.rank()));
  bool fits = indices.shape.rank() == data.shape.rank();
  for (int i = 0; fits && i < data.shape.rank(); ++i) {
    fits = i == axis || indices.shape.dim(i) <= data.shape.dim(i);
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("indices ", indices.shape.ToString(), " do not fit ", data.shape.ToString()));
}

// Where they fit, the shape of what the tuples of indices name.
absl::StatusOr<Shape> TupleShape(const NodeContext& context, int64_t batch_axes) {
  HT_ASSIGN_OR_RETURN(ValueInfo data, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo indices, context.Input(1));
  HT_RETURN_IF_ERROR(CheckIndexType(indices));
  const int data_rank = data.shape.rank(), rank = indices.shape.rank();
  bool fits = rank > 0 && batch_axes >= 0 && batch_axes < rank && batch_axes <= data_rank &&
              indices.shape.dim(rank - 1) <= data_rank - batch_axes;
  for (int i = 0; fits && i < batch_axes; ++i) {
    fits = indices.shape.dim(i) == data.shape.dim(i);
  }
  if (!fits) {
    return absl::InvalidArgumentError(absl::StrCat("indices ", indices.shape.ToString(),
                                                   " do not fit ", data.shape.ToString(), " with ",
                                                   batch_axes, " batch axes"));
  }
  std::vector<int64_t> dims(indices.shape.dims().begin(), indices.shape.dims().end() - 1);
  const int64_t named = batch_axes + indices.shape.dim(rank - 1);
  dims.insert(dims.end(), data.shape.dims().begin() + named, data.shape.dims().end());
  return Shape(dims);
}

absl::StatusOr<ValueInfos> InferGatherElements(const NodeContext& context) {
  HT_RETURN_IF_ERROR(CheckElementIndices(context));
  return ValueInfos{{context.infos[0]->type, context.infos[1]->shape}};
}

absl::StatusOr<ValueInfos> InferGatherNd(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(int64_t batch_axes, context.node.Int("batch_dims", 0));
  HT_ASSIGN_OR_RETURN(Shape shape, TupleShape(context, batch_axes));
  return ValueInfos{{context.infos[0]->type, shape}};
}

absl::StatusOr<ValueInfos> InferScatter(const NodeContext& context, const Shape& updated) {
  HT_ASSIGN_OR_RETURN(ValueInfo data, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo updates, context.Input(2));
  if (updates.type != data.type || updates.shape != updated) {
    return absl::InvalidArgumentError(
        absl::StrCat("updates of ", DataTypeName(updates.type), " ", updates.shape.ToString(),
                     " where ", DataTypeName(data.type), " ", updated.ToString(), " are needed"));
  }
  HT_ASSIGN_OR_RETURN(std::string reduction, context.node.String("reduction", "none"));
  if (reduction != "none" && reduction != "add" && reduction != "mul" && reduction != "max" &&
      reduction != "min") {
    return absl::InvalidArgumentError(absl::StrCat("unknown reduction '", reduction, "'"));
  }
  return ValueInfos{data};
}

absl::StatusOr<ValueInfos> InferScatterElements(const NodeContext& context) {
  HT_RETURN_IF_ERROR(CheckElementIndices(context));
  return InferScatter(context, context.infos[1]->shape);
}

absl::StatusOr<ValueInfos> InferScatterNd(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(Shape updated, TupleShape(context, 0));
  return InferScatter(context, updated);
}

absl::StatusOr<ValueInfos> InferReverseSequence(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo lengths, context.Input(1));
  HT_ASSIGN_OR_RETURN(int64_t time_axis, context.node.Int("time_axis", 0));
  HT_ASSIGN_OR_RETURN(int64_t batch_axis, context.node.Int("batch_axis", 1));
  const bool axes = (time_axis == 0 && batch_axis == 1) || (time_axis == 1 && batch_axis == 0);
  if (!axes || src.shape.rank() < 2 ||
      lengths.shape != Shape{src.shape.dim(static_cast<int>(batch_axis))}) {
    return absl::InvalidArgumentError(
        absl::StrCat("lengths ", lengths.shape.ToString(), " do not fit ", src.shape.ToString()));
  }
  return ValueInfos{src};
}

absl::StatusOr<ValueInfos> InferCompress(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(CompressedAxis compressed, ResolveCompress(context));
  ValueInfo dst = *context.infos[0];
  const auto count = static_cast<int64_t>(compressed.indices.size());
  if (compressed.flattens) {
    dst.shape = Shape{count};
  } else {
    dst.shape.set_dim(compressed.axis, count);
  }
  return ValueInfos{dst};
}

// (indices, depth, [off, on])
absl::StatusOr<ValueInfos> InferOneHot(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo indices, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo values, context.Input(2));
  const Tensor* given = context.Constant(1);
  if (given == nullptr) return absl::UnimplementedError("its depth is not constant");
  if (given->elements() != 1 || values.shape != Shape{2}) {
    return absl::InvalidArgumentError("its depth is not one number, or its values are not two");
  }
  double depth = 0;
  if (IsFloat(given->type())) {
    HT_ASSIGN_OR_RETURN(std::vector<double> floats, given->ToDoubles());
    depth = floats[0];
  } else {
    HT_ASSIGN_OR_RETURN(std::vector<int64_t> ints, given->ToInts());
    depth = static_cast<double>(ints[0]);
  }
  if (!(depth >= 1) || !(depth <= static_cast<double>(Shape::kMaxElements))) {
    return absl::InvalidArgumentError(absl::StrCat("a depth of ", depth));
  }
  HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", -1));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, indices.shape.rank() + 1));
  std::vector<int64_t> dims = indices.shape.dims();
  dims.insert(dims.begin() + axis, static_cast<int64_t>(depth));
  return ValueInfos{{values.type, Shape(dims)}};
}

// Where rows are copied: of constants, for shapes.
absl::StatusOr<Tensors> EvaluateGatheredRows(const NodeContext& context,
                                             absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(RowTable table, ResolveRows(context));
  const Tensor& src = *context.constants[0];
  const size_t chunk = static_cast<size_t>(table.inner) * SizeOf(src.type());
  std::vector<std::byte> bytes(table.rows.size() * chunk);
  for (size_t i = 0; i < table.rows.size(); ++i) {
    std::copy_n(src.bytes().data() + static_cast<size_t>(table.rows[i]) * chunk, chunk,
                bytes.data() + i * chunk);
  }
  return Tensors{Tensor::FromBytes(src.type(), infos[0].shape, std::move(bytes))};
}

absl::StatusOr<Tensors> EvaluateScatteredRows(const NodeContext& context,
                                              absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(std::string reduction, context.node.String("reduction", "none"));
  if (reduction != "none") return absl::UnimplementedError("with a reduction");
  HT_ASSIGN_OR_RETURN(RowTable table, ResolveRows(context));
  const Tensor &data = *context.constants[0], &updates = *context.constants[2];
  const size_t chunk = static_cast<size_t>(table.inner) * SizeOf(data.type());
  std::vector<std::byte> bytes(data.bytes().begin(), data.bytes().end());
  for (size_t i = 0; i < table.rows.size(); ++i) {
    std::copy_n(updates.bytes().data() + i * chunk, chunk,
                bytes.data() + static_cast<size_t>(table.rows[i]) * chunk);
  }
  return Tensors{Tensor::FromBytes(data.type(), infos[0].shape, std::move(bytes))};
}

constexpr std::array kIndexingOperators = {
    Operator{"GatherElements", InferGatherElements, EvaluateGatheredRows, Runs::kAnything},
    Operator{"GatherND", InferGatherNd, EvaluateGatheredRows, Runs::kAnything},
    Operator{"ReverseSequence", InferReverseSequence, EvaluateGatheredRows, Runs::kAnything},
    Operator{"Scatter", InferScatterElements, EvaluateScatteredRows, Runs::kAnything},
    Operator{"ScatterElements", InferScatterElements, EvaluateScatteredRows, Runs::kAnything},
    Operator{"ScatterND", InferScatterNd, EvaluateScatteredRows, Runs::kAnything},
    Operator{"Compress", InferCompress, nullptr, Runs::kAnything},
    Operator{"OneHot", InferOneHot, nullptr, Runs::kAnything},
};

}  // namespace

absl::StatusOr<RowTable> ResolveRows(const NodeContext& context) {
  const std::string& op = context.node.op;
  if (op == "ReverseSequence") return ReversedRows(context);
  const bool scatters = op != "GatherND" && op != "GatherElements";
  const bool tuples = op == "GatherND" || op == "ScatterND";
  HT_ASSIGN_OR_RETURN(int64_t batch_axes, context.node.Int("batch_dims", 0));
  HT_ASSIGN_OR_RETURN(RowTable table, tuples ? TupleRows(context, scatters ? 0 : batch_axes)
                                             : ElementRows(context));
  // Scattering has a table of all rows.
  if (scatters && table.count > kMaxRows) {
    return absl::UnimplementedError(absl::StrCat("updating ", table.count, " rows"));
  }
  return table;
}

absl::StatusOr<CompressedAxis> ResolveCompress(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_RETURN_IF_ERROR(SizingConstant(context, 1).status());
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> condition, ConstantIndices(context, 1));
  CompressedAxis compressed;
  compressed.flattens = !context.node.Has("axis");
  int64_t size = src.shape.Elements();
  if (!compressed.flattens) {
    HT_ASSIGN_OR_RETURN(int64_t asked, context.node.Int("axis", 0));
    HT_ASSIGN_OR_RETURN(compressed.axis, NormalizeAxis(asked, src.shape.rank()));
    size = src.shape.dim(compressed.axis);
  }
  if (context.infos[1]->shape.rank() != 1 || static_cast<int64_t>(condition.size()) > size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a condition ", context.infos[1]->shape.ToString(), " for ", size, " elements"));
  }
  for (size_t i = 0; i < condition.size(); ++i) {
    if (condition[i] != 0) compressed.indices.push_back(static_cast<int64_t>(i));
  }
  return compressed;
}

absl::Span<const Operator> IndexingOperators() { return kIndexingOperators; }

}  // namespace halftone
