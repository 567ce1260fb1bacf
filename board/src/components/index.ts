// The parts that all views are made of.
export { Button, CopyButton, Icon, type IconName } from "./button";
export { Chart, type ChartLine, type ChartMark } from "./chart";
export { CheckpointSlider } from "./checkpoints";
export { Empty, ErrorBox, Loaded, Skeleton, told } from "./states";
export { Field, Segmented, Select, Slider, Switch, TextInput } from "./fields";
export { StatusBadge, Tag } from "./badges";
export { Table, type Column, type Sorting } from "./table";
export { Tabs, type Tab } from "./tabs";
