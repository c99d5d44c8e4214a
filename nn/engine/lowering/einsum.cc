#include "nn/graph/operators/einsum.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/shape_ops.h"

namespace halftone {
namespace {

using Labels = std::vector<int>;
using Sizes = std::map<int, int64_t>;

bool Has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// A value with a label on each axis, no label twice.
struct Term {
  ValueId value = kNoValue;
  Labels labels;
};

Shape ShapeOf(const Labels& labels, const Sizes& sizes) {
  std::vector<int64_t> dims;
  for (const int label : labels) dims.push_back(sizes.at(label));
  return Shape(dims);
}

int64_t Product(const Labels& labels, const Sizes& sizes) {
  return ShapeOf(labels, sizes).Elements();
}

// Takes the diagonal where a label occurs twice: from the flat elements, at steps of the sum of
// both strides.
absl::StatusOr<Term> TakeDiagonals(ProgramBuilder& builder, Term term) {
  for (size_t i = 0; i < term.labels.size(); ++i) {
    for (size_t k = i + 1; k < term.labels.size(); ++k) {
      if (term.labels[i] != term.labels[k]) continue;
      // Both axes last, then every (size + 1)-th element of their square.
      std::vector<int> order;
      Labels labels;
      std::vector<int64_t> dims;
      const Shape shape = builder.shape(term.value);
      for (size_t axis = 0; axis < term.labels.size(); ++axis) {
        if (axis == i || axis == k) continue;
        order.push_back(static_cast<int>(axis));
        labels.push_back(term.labels[axis]);
        dims.push_back(shape.dim(static_cast<int>(axis)));
      }
      const int64_t size = shape.dim(static_cast<int>(i));
      order.insert(order.end(), {static_cast<int>(i), static_cast<int>(k)});
      labels.push_back(term.labels[i]);
      HT_ASSIGN_OR_RETURN(ValueId moved, ops::Transpose(builder, term.value, order));
      dims.push_back(size * size);
      HT_ASSIGN_OR_RETURN(moved, ops::Reshape(builder, moved, Shape(dims)));
      dims.back() = size;
      std::vector<int64_t> starts(dims.size(), 0), steps(dims.size(), 1);
      steps.back() = size + 1;
      HT_ASSIGN_OR_RETURN(
          moved, builder.Apply1(std::make_shared<SliceOp>(starts, steps, Shape(dims)), {moved}));
      return TakeDiagonals(builder, {moved, std::move(labels)});
    }
  }
  return term;
}

// Sums over the axes whose labels nobody else reads.
absl::StatusOr<Term> SumUnread(ProgramBuilder& builder, Term term, const Labels& read) {
  std::vector<int> axes;
  Labels kept;
  for (size_t axis = 0; axis < term.labels.size(); ++axis) {
    if (Has(read, term.labels[axis])) {
      kept.push_back(term.labels[axis]);
    } else {
      axes.push_back(static_cast<int>(axis));
    }
  }
  HT_ASSIGN_OR_RETURN(ValueId sum, ops::ReduceSum(builder, term.value, axes, /*keep_dims=*/false));
  return Term{sum, std::move(kept)};
}

absl::StatusOr<ValueId> Permute(ProgramBuilder& builder, const Term& term, const Labels& order) {
  std::vector<int> permutation;
  for (const int label : order) {
    permutation.push_back(static_cast<int>(
        std::find(term.labels.begin(), term.labels.end(), label) - term.labels.begin()));
  }
  return ops::Transpose(builder, term.value, permutation);
}

Labels Joined(Labels a, const Labels& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// The product of two terms, summed over the labels that are not read later: a matrix product,
// batched over the labels that both have and somebody reads.
absl::StatusOr<Term> Contract(ProgramBuilder& builder, const Term& left, const Term& right,
                              const Labels& read, const Sizes& sizes) {
  Labels batch, inner, rows, columns;
  for (const int label : left.labels) {
    if (!Has(right.labels, label)) {
      rows.push_back(label);
    } else {
      (Has(read, label) ? batch : inner).push_back(label);
    }
  }
  for (const int label : right.labels) {
    if (!Has(left.labels, label)) columns.push_back(label);
  }
  HT_ASSIGN_OR_RETURN(ValueId a, Permute(builder, left, Joined(Joined(batch, rows), inner)));
  HT_ASSIGN_OR_RETURN(ValueId b, Permute(builder, right, Joined(Joined(batch, inner), columns)));
  const int64_t batches = Product(batch, sizes), depth = Product(inner, sizes);
  HT_ASSIGN_OR_RETURN(a, ops::Reshape(builder, a, Shape{batches, Product(rows, sizes), depth}));
  HT_ASSIGN_OR_RETURN(b, ops::Reshape(builder, b, Shape{batches, depth, Product(columns, sizes)}));
  HT_ASSIGN_OR_RETURN(ValueId product, ops::MatMul(builder, a, b));
  Labels labels = Joined(Joined(batch, rows), columns);
  HT_ASSIGN_OR_RETURN(product, ops::Reshape(builder, product, ShapeOf(labels, sizes)));
  return Term{product, std::move(labels)};
}

// Input `index` with every label once, in its full size.
absl::StatusOr<Term> ReadTerm(const NodeLowering& lowering, const EinsumTerms& terms,
                              size_t index) {
  Term term;
  HT_ASSIGN_OR_RETURN(term.value, lowering.Input(index));
  term.labels = terms.inputs[index];
  HT_ASSIGN_OR_RETURN(term.value, ops::BroadcastTo(lowering.builder, term.value,
                                                   ShapeOf(term.labels, terms.sizes)));
  return TakeDiagonals(lowering.builder, std::move(term));
}

// From left to right, two terms at a time.
Values LowerEinsum(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const EinsumTerms terms, ResolveEinsum(lowering.context));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(Term product, ReadTerm(lowering, terms, 0));
  for (size_t i = 1; i <= terms.inputs.size(); ++i) {
    // What the result and the inputs after the next one read.
    Labels read = terms.output;
    for (size_t later = i + 1; later < terms.inputs.size(); ++later) {
      read = Joined(std::move(read), terms.inputs[later]);
    }
    if (i == terms.inputs.size()) {
      HT_ASSIGN_OR_RETURN(product, SumUnread(builder, std::move(product), read));
      break;
    }
    HT_ASSIGN_OR_RETURN(Term next, ReadTerm(lowering, terms, i));
    HT_ASSIGN_OR_RETURN(product, SumUnread(builder, std::move(product), Joined(read, next.labels)));
    HT_ASSIGN_OR_RETURN(next, SumUnread(builder, std::move(next), Joined(read, product.labels)));
    HT_ASSIGN_OR_RETURN(product, Contract(builder, product, next, read, terms.sizes));
  }
  HT_ASSIGN_OR_RETURN(ValueId ordered, Permute(builder, product, terms.output));
  return Single(ops::Reshape(builder, ordered, dst));
}

constexpr std::array kEinsumLowerings = {Lowering{"Einsum", LowerEinsum}};

}  // namespace

absl::Span<const Lowering> EinsumLowerings() { return kEinsumLowerings; }

}  // namespace halftone
