#include "nn/graph/operators/indexing.h"

#include <array>
#include <memory>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/computed_indices.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/gather.h"
#include "nn/engine/ops/shape_ops.h"

// Operators that read or write where a table of indices says.
namespace halftone {
namespace {

// Updates of one place that are combined by ops of their own.
constexpr size_t kMaxTurns = 32;

absl::StatusOr<ValueId> SelectRows(ProgramBuilder& builder, ValueId src,
                                   std::vector<int64_t> rows) {
  return builder.Apply1(std::make_shared<IndexSelectOp>(0, std::move(rows)), {src});
}

absl::StatusOr<ValueId> AddRows(ProgramBuilder& builder, ValueId src, const RowTable& table) {
  return builder.Apply1(std::make_shared<IndexAddOp>(0, table.rows, table.count), {src});
}

Values LowerGatheredRows(const NodeLowering& lowering) {
  if (lowering.context.Constant(1) == nullptr) return LowerComputedGather(lowering);
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(RowTable table, ResolveRows(lowering.context));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(src, ops::Reshape(builder, src, Shape{table.count, table.inner}));
  HT_ASSIGN_OR_RETURN(ValueId rows, SelectRows(builder, src, std::move(table.rows)));
  return Single(ops::Reshape(builder, rows, dst));
}

// Each row of the result is one of the data or the last update that goes there.
absl::StatusOr<ValueId> ReplaceRows(ProgramBuilder& builder, ValueId data, ValueId updates,
                                    const RowTable& table) {
  std::vector<int64_t> rows(static_cast<size_t>(table.count));
  std::iota(rows.begin(), rows.end(), 0);
  for (size_t i = 0; i < table.rows.size(); ++i) {
    rows[static_cast<size_t>(table.rows[i])] = table.count + static_cast<int64_t>(i);
  }
  HT_ASSIGN_OR_RETURN(ValueId both, builder.Apply1(std::make_shared<ConcatOp>(0), {data, updates}));
  return SelectRows(builder, both, std::move(rows));
}

// The updates in turns in which no row is updated twice: the n-th update of a row is in the n-th.
std::vector<std::vector<int64_t>> TurnsOf(const RowTable& table) {
  std::vector<size_t> updates(static_cast<size_t>(table.count), 0);
  std::vector<std::vector<int64_t>> turns;
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const size_t turn = updates[static_cast<size_t>(table.rows[i])]++;
    if (turn == turns.size()) turns.emplace_back();
    turns[turn].push_back(static_cast<int64_t>(i));
  }
  return turns;
}

// Combines each update with the row of the data where it goes, turn by turn.
absl::StatusOr<ValueId> CombineRows(ProgramBuilder& builder, const std::string& reduction,
                                    ValueId data, ValueId updates, const RowTable& table) {
  const std::vector<std::vector<int64_t>> turns = TurnsOf(table);
  if (turns.size() > kMaxTurns) {
    return absl::UnimplementedError(
        absl::StrCat("reduction '", reduction, "' of ", turns.size(), " updates of one place"));
  }
  const BinaryFunction function = reduction == "mul"   ? BinaryFunction::kMul
                                  : reduction == "max" ? BinaryFunction::kMax
                                                       : BinaryFunction::kMin;
  for (const std::vector<int64_t>& turn : turns) {
    RowTable part{{}, table.count, table.inner};
    for (const int64_t i : turn) part.rows.push_back(table.rows[static_cast<size_t>(i)]);
    HT_ASSIGN_OR_RETURN(ValueId old, SelectRows(builder, data, part.rows));
    HT_ASSIGN_OR_RETURN(ValueId update, SelectRows(builder, updates, turn));
    HT_ASSIGN_OR_RETURN(ValueId combined, ops::Binary(builder, function, old, update));
    HT_ASSIGN_OR_RETURN(data, ReplaceRows(builder, data, combined, part));
  }
  return data;
}

Values LowerScatteredRows(const NodeLowering& lowering) {
  if (lowering.context.Constant(1) == nullptr) return LowerComputedScatter(lowering);
  HT_ASSIGN_OR_RETURN(ValueId data, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId updates, lowering.Input(2));
  HT_ASSIGN_OR_RETURN(const RowTable table, ResolveRows(lowering.context));
  const absl::StatusOr<std::string> reduction = lowering.node().String("reduction", "none");
  HT_RETURN_IF_ERROR(reduction.status());
  ProgramBuilder& builder = lowering.builder;
  const Shape shape = builder.shape(data);
  const auto count = static_cast<int64_t>(table.rows.size());
  HT_ASSIGN_OR_RETURN(data, ops::Reshape(builder, data, Shape{table.count, table.inner}));
  HT_ASSIGN_OR_RETURN(updates, ops::Reshape(builder, updates, Shape{count, table.inner}));
  ValueId dst = kNoValue;
  if (*reduction == "none") {
    HT_ASSIGN_OR_RETURN(dst, ReplaceRows(builder, data, updates, table));
  } else if (*reduction == "add") {
    HT_ASSIGN_OR_RETURN(ValueId sums, AddRows(builder, updates, table));
    HT_ASSIGN_OR_RETURN(dst, ops::Add(builder, data, sums));
  } else {
    HT_ASSIGN_OR_RETURN(dst, CombineRows(builder, *reduction, data, updates, table));
  }
  return Single(ops::Reshape(builder, dst, shape));
}

Values LowerCompress(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(CompressedAxis compressed, ResolveCompress(lowering.context));
  ProgramBuilder& builder = lowering.builder;
  if (compressed.flattens) {
    const int64_t elements = builder.shape(src).Elements();
    HT_ASSIGN_OR_RETURN(src, ops::Reshape(builder, src, Shape{elements}));
  }
  return Single(builder.Apply1(
      std::make_shared<IndexSelectOp>(compressed.axis, std::move(compressed.indices)), {src}));
}

// `on` where the position along the new axis is the index (counted from the end if negative).
Values LowerOneHot(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId indices, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(ValueId values, lowering.Input(2));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  HT_ASSIGN_OR_RETURN(const int64_t asked, lowering.node().Int("axis", -1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, dst.rank()));
  ProgramBuilder& builder = lowering.builder;
  const int64_t depth = dst.dim(axis);
  if (depth > int64_t{1} << 24) return absl::UnimplementedError(absl::StrCat("a depth of ", depth));
  std::vector<float> numbers(static_cast<size_t>(depth));
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  Shape along(std::vector<int64_t>(static_cast<size_t>(dst.rank()), 1));
  along.set_dim(axis, depth);
  const ValueId positions = builder.AddConstant(Tensor::Of<float>(along, std::move(numbers)));
  Shape unsqueezed = dst;
  unsqueezed.set_dim(axis, 1);
  HT_ASSIGN_OR_RETURN(indices, ops::Reshape(builder, indices, unsqueezed));
  HT_ASSIGN_OR_RETURN(ValueId negative, ops::Binary(builder, BinaryFunction::kGreater,
                                                    builder.AddScalar(0.0f), indices));
  HT_ASSIGN_OR_RETURN(ValueId turn, ops::Scale(builder, negative, static_cast<float>(depth)));
  HT_ASSIGN_OR_RETURN(ValueId wrapped, ops::Add(builder, indices, turn));
  HT_ASSIGN_OR_RETURN(ValueId is_there,
                      ops::Binary(builder, BinaryFunction::kEqual, positions, wrapped));
  const auto value = [&](int64_t at) {
    return builder.Apply1(
        std::make_shared<SliceOp>(std::vector<int64_t>{at}, std::vector<int64_t>{1}, Shape{1}),
        {values});
  };
  HT_ASSIGN_OR_RETURN(const ValueId off, value(0));
  HT_ASSIGN_OR_RETURN(const ValueId on, value(1));
  return Single(ops::Select(builder, is_there, on, off));
}

constexpr std::array kIndexingLowerings = {
    Lowering{"GatherElements", LowerGatheredRows},
    Lowering{"GatherND", LowerGatheredRows},
    Lowering{"ReverseSequence", LowerGatheredRows},
    Lowering{"Scatter", LowerScatteredRows},
    Lowering{"ScatterElements", LowerScatteredRows},
    Lowering{"ScatterND", LowerScatteredRows},
    Lowering{"Compress", LowerCompress},
    Lowering{"OneHot", LowerOneHot},
};

}  // namespace

absl::Span<const Lowering> IndexingLowerings() { return kIndexingLowerings; }

}  // namespace halftone
