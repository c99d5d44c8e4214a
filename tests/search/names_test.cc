#include <set>
#include <string>

#include "gtest/gtest.h"
#include "profilers/cost_table.h"
#include "search/artifact_store.h"
#include "search/search_spec.h"
#include "search/sensitivity/sensitivity.h"
#include "search/solver/solution.h"

// Texts that users write and files keep, of every enum that has some.
namespace halftone {
namespace {

// All values up to `last` have texts of their own, which give them back.
template <typename Enum>
void ExpectNamed(absl::string_view (*name_of)(Enum value),
                 absl::StatusOr<Enum> (*parse)(absl::string_view text), Enum last) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    const std::string name(name_of(static_cast<Enum>(i)));
    EXPECT_NE(name, "unknown") << i;
    EXPECT_TRUE(names.insert(name).second) << name << " is there twice";
    const absl::StatusOr<Enum> parsed = parse(name);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, static_cast<Enum>(i)) << name;
  }
  EXPECT_EQ(name_of(static_cast<Enum>(static_cast<int>(last) + 1)), "unknown")
      << "this test does not know the last value";
  EXPECT_EQ(parse("unknown").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(NamesTest, EveryValueOfEveryEnumIsItsText) {
  ExpectNamed(SensitivityMethodName, ParseSensitivityMethod, SensitivityMethod::kFisherElementwise);
  ExpectNamed(LossKindName, ParseLossKind, LossKind::kMse);
  ExpectNamed(TraceKindName, ParseTraceKind, TraceKind::kHutchinson);
  ExpectNamed(InteractionPairsName, ParseInteractionPairs, InteractionPairs::kNeighbours);
  ExpectNamed(SymmetryName, ParseSymmetry, Symmetry::kSymmetricSigned);
  ExpectNamed(RangeMethodName, ParseRangeMethod, RangeMethod::kResult);
  ExpectNamed(MetricName, ParseMetric, Metric::kActivationMemory);
  ExpectNamed(SearchStrategyName, ParseSearchStrategy, SearchStrategy::kEvolutionary);
  ExpectNamed(SolutionStatusName, ParseSolutionStatus, Solution::Status::kInfeasible);
  ExpectNamed(ProvenanceName, ParseProvenance, Provenance::kRemote);
}

TEST(NamesTest, StagesHaveTheNamesThatAreStored) {
  EXPECT_EQ(StageName(Stage::kImport), "import");
  EXPECT_EQ(StageName(Stage::kSensitivity), "sensitivity");
  EXPECT_EQ(StageName(Stage::kRefine), "refine");
}

}  // namespace
}  // namespace halftone
